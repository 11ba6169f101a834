import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCommandLine } from './command-line.ts'

function lineOf(...words: readonly string[]) {
  const result = parseCommandLine(words)
  return result.kind === 'command' ? result.line : assert.fail(result.problem)
}

function problemOf(...words: readonly string[]) {
  const result = parseCommandLine(words)
  return result.kind === 'problem' ? result.problem : assert.fail('the words were accepted')
}

describe('the command line', () => {
  it('takes options before and after the command', () => {
    for (const words of [
      ['status', '--json', '--config', 'x.yaml'],
      ['--config=x.yaml', '--json', 'status'],
    ]) {
      const { command, json, configPath } = lineOf(...words)
      assert.deepEqual({ command, json, configPath }, { command: 'status', json: true, configPath: 'x.yaml' })
    }
  })

  it('shows help when no command or --help is given', () => {
    assert.equal(lineOf().command, 'help')
    assert.equal(lineOf('start', '--help').command, 'help')
    assert.equal(lineOf('-h').command, 'help')
    assert.equal(lineOf('--version').command, 'version')
  })

  it('refuses an unknown command with the nearest one', () => {
    assert.match(problemOf('stat'), /"stat" is not a command.*"start"/)
  })

  it('refuses what a command does not take', () => {
    assert.match(problemOf('start', '--port=1'), /has no option --port/)
    assert.match(problemOf('start', 'now'), /takes no "now"/)
    assert.match(problemOf('start', '--config'), /--config needs/)
  })

  it('leaves to verify what follows it, but for the settings file', () => {
    const { rest, configPath } = lineOf('verify', '--config', 'x.yaml', '--from', '3', 'lane', '--json')
    assert.deepEqual(rest, ['--from', '3', 'lane', '--json'])
    assert.equal(configPath, 'x.yaml')
  })
})
