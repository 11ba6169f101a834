import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'
import type { ReloadReport } from '../reload.ts'

export const processStarted = (role: string, pid: number): InternalEvent => ({
  emit(to) {
    to.log('info', 'A process was started.', { role, pid })
  },
})

export const processReady = (role: string, port: number | undefined): InternalEvent => ({
  emit(to) {
    to.log('info', 'A process is ready.', { role, port })
  },
})

export const processDied = (role: string, how: string, restartDelayMs: number): InternalEvent => ({
  emit(to) {
    to.log('warn', 'A process died and is started again.', { role, how, restartDelayMs })
  },
})

export const processStopped = (role: string): InternalEvent => ({
  emit(to) {
    to.log('info', 'A process has stopped.', { role })
  },
})

export const processKilled = (role: string, stopTimeoutMs: number): InternalEvent => ({
  emit(to) {
    to.log('warn', 'A process took too long to stop and is killed.', { role, stopTimeoutMs })
  },
})

export const settingsRead = (report: ReloadReport): InternalEvent => ({
  emit(to) {
    if (report.kind === 'refused') {
      to.log('error', 'The settings were read again and are not usable: nothing has changed.', {
        problems: report.problems,
      })
      return
    }
    const { applied, needRestart, problems } = report
    const level = problems.length > 0 ? 'error' : needRestart.length > 0 ? 'warn' : 'info'
    to.log(level, 'The settings were read again.', { applied, needRestart, problems })
  },
})

export const dataFolderInMemory = (folder: string): InternalEvent => ({
  emit(to) {
    to.log('warn', 'The data folder lies in memory: what was acknowledged does not survive a reboot.', { folder })
  },
})

export const watchdogMissing = (reason: string): InternalEvent => ({
  emit(to) {
    to.log('warn', 'The watchdog is gone: a busy process would outlive a killed supervisor.', { reason })
  },
})
