/** Loaded before a measured server (`--import`): tells the bench, when asked, what the process has used. */
import { memoryUsage } from 'node:process'

export type Usage = { cpuMicros: number; rss: number; heapUsed: number; handles: number }

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = memoryUsage()
  const usage: Usage = { cpuMicros: user + system, rss, heapUsed, handles: process.getActiveResourcesInfo().length }
  process.send?.(usage)
})
process.channel?.unref()
