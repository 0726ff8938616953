// What both JavaScript files share: running their checks in order, and expecting a refusal.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

// How far the index of HubSpot's sandbox may be behind (3 s), and some time for a slow machine.
const INDEXED_MS_MAX = 20_000

/** What `concord sandbox` wrote: base URLs and credentials. */
export function endpoints() {
  return JSON.parse(readFileSync(process.argv[2], 'utf8'))
}

/** Compares whole values; what a client's classes add to them is no part of the answer. */
export function equal(found, expected) {
  assert.deepEqual(plain(found), expected)
}

/** As JSON would tell it: dates as texts, no classes, nothing undefined. */
export function plain(value) {
  return JSON.parse(JSON.stringify(value))
}

/** The error of exactly this class that a call ends with. */
export async function refused(kind, call) {
  let answer
  try {
    answer = await call()
  } catch (error) {
    assert.equal(error.constructor, kind, `${error.constructor.name} instead of ${kind.name}: ${error}`)
    return error
  }
  assert.fail(`no refusal but ${JSON.stringify(answer)}`)
}

/** Asks again until the index has followed; what was found last is returned, enough or not. */
export async function eventually(find, isEnough) {
  const end = Date.now() + INDEXED_MS_MAX
  for (;;) {
    const found = await find()
    if (isEnough(found) || Date.now() > end) return found
    await new Promise((again) => setTimeout(again, 500))
  }
}

/** Every check, even after one has failed. The exit status says whether all held. */
export async function run(client, checks) {
  for (const check of checks) {
    const name = check.name.replaceAll('_', ' ')
    const started = Date.now()
    try {
      await check()
      console.log(`ok   ${client}: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    } catch (error) {
      console.log(error)
      console.log(`FAIL ${client}: ${name}`)
      process.exitCode = 1
    }
  }
}
