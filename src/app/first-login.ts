/**
 * The one-time password of the console, in a file like that of the first project: who reads this folder could read everything else
 * here as well. It is there until somebody has chosen a password.
 */
import { firstLogin } from '../stores/state/users.ts'
import { keepRunFile, removeRunFile } from './run-file.ts'
import { firstLoginFile } from './supervisor/banner.ts'

export function keepFirstLogin(password: string): Promise<void> {
  return keepRunFile(firstLoginFile, { login: firstLogin, password })
}

export function forgetFirstLogin(): Promise<void> {
  return removeRunFile(firstLoginFile)
}
