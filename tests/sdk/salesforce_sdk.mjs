// `jsforce`, the usual JavaScript client of Salesforce, with the sandbox's address for `loginUrl`.

import assert from 'node:assert/strict'

import { Connection, SfDate } from 'jsforce'
import { endpoints, equal, run } from './checks.mjs'

const E = endpoints()
const ORG = '00D000000000001EAA' // The sandbox's only organisation.

const connection = (clientSecret = E.salesforce_client_secret) =>
  new Connection({ oauth2: { loginUrl: E.salesforce, clientId: E.salesforce_client_id, clientSecret } })

/** The client's own login, by client credentials. */
const org = connection()
const user = await org.authorize({ grant_type: 'client_credentials' })
const people = org.sobject('Contact')
const NAMES = ['Email', 'FirstName', 'LastName']

const held = (row, names = NAMES) => Object.fromEntries(names.map((name) => [name, row[name]]))
const withoutAttributes = ({ attributes, ...row }) => row

/** The name that the client's error goes by: Salesforce's code. */
async function refused(call) {
  let answer
  try {
    answer = await call()
  } catch (error) {
    assert.ok(error instanceof Error)
    return error
  }
  assert.fail(`no refusal but ${JSON.stringify(answer)}`)
}

// ---- Login ----------------------------------------------------------------------------------------------------

async function the_login_tells_who_one_is() {
  equal([user.organizationId, org.instanceUrl], [ORG, E.salesforce])
  await people.find({}, ['Id']).limit(1)
  assert.ok(org.limitInfo.apiUsage.used > 0)
}

async function a_wrong_secret_is_refused_at_login() {
  const error = await refused(() => connection('guessed').authorize({ grant_type: 'client_credentials' }))
  equal([error.name, error.message], ['invalid_client', 'invalid client credentials'])
}

async function a_session_of_another_login_is_taken_and_an_ended_one_is_not() {
  const other = new Connection({ instanceUrl: E.salesforce, accessToken: org.accessToken })
  equal((await other.query('SELECT COUNT() FROM Lead')).done, true)
  const stale = new Connection({ instanceUrl: E.salesforce, accessToken: '00D!stale' })
  equal((await refused(() => stale.query('SELECT Id FROM Lead'))).errorCode, 'INVALID_SESSION_ID')
}

// ---- One record -----------------------------------------------------------------------------------------------

async function a_contact_is_made_read_edited_and_deleted() {
  const { id, ...rest } = await people.create({ Email: 'ada@js.example.org', FirstName: 'Ada', LastName: 'Byron' })
  equal(rest, { success: true, errors: [] })
  const read = await people.retrieve(id)
  equal(held(read), { Email: 'ada@js.example.org', FirstName: 'Ada', LastName: 'Byron' })
  equal([read.attributes.type, read.Name, read.Phone, read.IsDeleted], ['Contact', 'Ada Byron', null, false])

  const done = { id, success: true, errors: [] }
  equal(await people.update({ Id: id, LastName: 'King', FirstName: null }), done)
  const edited = await people.retrieve(id, { fields: NAMES })
  equal(withoutAttributes(edited), { Email: 'ada@js.example.org', FirstName: null, LastName: 'King' })

  equal(await people.destroy(id), done)
  equal((await refused(() => people.retrieve(id))).errorCode, 'ENTITY_IS_DELETED')
  equal(await people.find({ Id: id }, ['LastName']), [])
  const bin = await people.find({ Id: id }, ['LastName', 'IsDeleted']).scanAll(true)
  equal(bin.map(withoutAttributes), [{ LastName: 'King', IsDeleted: true }])
}

async function an_upsert_by_external_id_makes_and_then_edits() {
  const upsert = (fields) => people.upsert({ Concord_Id__c: 'link-js-1', ...fields }, 'Concord_Id__c')
  const first = await upsert({ LastName: 'Hopper' })
  equal(first, { id: first.id, success: true, errors: [], created: true })
  equal(await upsert({ FirstName: 'Grace' }), { id: first.id, success: true, errors: [], created: false })
  const found = await people.findOne({ Concord_Id__c: 'link-js-1' }, ['Id', 'FirstName', 'LastName'])
  equal(withoutAttributes(found), { Id: first.id, FirstName: 'Grace', LastName: 'Hopper' })
}

async function a_contact_is_put_with_its_account_and_read_through_it() {
  const account = await org.sobject('Account').create({ Name: 'Works' })
  const person = await people.create({ LastName: 'Worker', AccountId: account.id })
  const found = await people.find({ AccountId: account.id }, 'LastName, Account.Name')
  equal(found.map((row) => [row.LastName, row.Account.Name]), [['Worker', 'Works']])
  await people.update({ Id: person.id, AccountId: null })
  equal((await people.find({ Id: person.id }, 'Account.Name')).map(withoutAttributes), [{ Account: null }])
}

// ---- Many records ---------------------------------------------------------------------------------------------

async function a_collection_makes_reads_edits_upserts_and_deletes_row_by_row() {
  const answer = await people.create([0, 1, 2].map((n) => ({ LastName: `C${n}`, Concord_Id__c: `link-js-c${n}` })))
  const ids = answer.map((one) => one.id)
  const done = (id) => ({ id, success: true, errors: [] })
  equal(answer, ids.map(done))

  const [good, bad] = await people.update([{ Id: ids[0], LastName: 'Edited' }, { Id: ids[1], LastName: '' }])
  equal(good, done(ids[0]))
  equal([bad.success, bad.errors.map((one) => [one.statusCode, one.fields])], [
    false,
    [['REQUIRED_FIELD_MISSING', ['LastName']]],
  ])

  const read = await people.retrieve([...ids, '003000000000000AAA'], { fields: ['LastName'] })
  equal(read.map((row) => row && row.LastName), ['Edited', 'C1', 'C2', null])

  const rows = [{ Concord_Id__c: 'link-js-c2', LastName: 'Again' }, { Concord_Id__c: 'link-js-c3', LastName: 'New' }]
  const [again, fresh] = await people.upsert(rows, 'Concord_Id__c')
  equal([again, fresh.created], [{ ...done(ids[2]), created: false }, true])

  equal(await people.destroy([...ids, fresh.id]), [...ids, fresh.id].map(done))
  equal(await people.find({ Id: { $in: ids } }, ['Id']), [])
}

async function a_collection_of_all_or_none_writes_none() {
  const rows = [{ LastName: 'None of all' }, { FirstName: 'No last name' }]
  const answer = await people.create(rows, { allOrNone: true })
  equal(answer.map((one) => [one.success, one.errors[0].statusCode]), [
    [false, 'ALL_OR_NONE_OPERATION_ROLLED_BACK'],
    [false, 'REQUIRED_FIELD_MISSING'],
  ])
  equal(await people.count({ LastName: 'None of all' }), 0)
}

// ---- Finding --------------------------------------------------------------------------------------------------

async function a_query_pages_through_all_that_match_in_order() {
  const number = (n) => `${n}`.padStart(3, '0')
  const rows = Array.from({ length: 450 }, (_, n) => ({ LastName: number(n), Title: 'Sought in JavaScript' }))
  await people.create(rows, { allOrNone: true, allowRecursive: true })
  const soql = "SELECT LastName FROM Contact WHERE Title = 'Sought in JavaScript' ORDER BY LastName DESC"
  const paged = { headers: { 'Sforce-Query-Options': 'batchSize=200' } }

  const first = await org.query(soql, paged)
  equal([first.totalSize, first.done, first.records.length], [450, false, 200])
  const second = await org.queryMore(first.nextRecordsUrl, paged)
  equal([second.totalSize, second.done, second.records.length], [450, false, 200])
  const third = await org.queryMore(second.nextRecordsUrl, paged)
  equal([third.done, third.records.length], [true, 50])
  const expected = rows.map((row) => row.LastName).reverse()
  equal([first, second, third].flatMap((page) => page.records.map((row) => row.LastName)), expected)

  const fetched = await org.query(soql, { ...paged, autoFetch: true, maxFetch: 1_000 })
  equal(fetched.records.map((row) => row.LastName), expected)
  equal(await people.count({ Title: 'Sought in JavaScript' }), 450)
}

async function conditions_dates_and_orders_become_a_query_that_is_understood() {
  const began = SfDate.toDateTimeLiteral(new Date(Date.now() - 60_000))
  await people.create(['Alpha', 'Beta', 'Gamma'].map((LastName) => ({ LastName, Title: 'Ordered' })))
  const found = await people
    .find({ Title: { $like: 'Order%' }, LastName: { $ne: 'Beta' }, CreatedDate: { $gte: began } }, ['LastName'])
    .sort({ LastName: -1 })
    .limit(5)
  equal(found.map((row) => row.LastName), ['Gamma', 'Alpha'])
}

async function what_was_edited_and_deleted_since_is_listed() {
  const around = [new Date(Date.now() - 300_000), new Date(Date.now() + 300_000)]
  const [edited, gone] = (await people.create([{ LastName: 'Edited' }, { LastName: 'Gone' }])).map((one) => one.id)
  await people.destroy(gone)
  const updated = (await people.updated(...around)).ids
  equal([updated.includes(edited), updated.includes(gone)], [true, false])
  const deleted = (await people.deleted(...around)).deletedRecords.map((one) => one.id)
  equal([deleted.includes(edited), deleted.includes(gone)], [false, true])

  equal(await org.soap.emptyRecycleBin([gone]), [{ id: gone, success: true, errors: [] }])
  equal(await people.find({ Id: gone }, ['Id']).scanAll(true), [])
}

async function the_schema_says_what_concord_needs() {
  const objects = (await org.describeGlobal()).sobjects.map((one) => one.name)
  assert.ok(['Account', 'Contact', 'Lead', 'Opportunity'].every((name) => objects.includes(name)))
  const key = (await people.describe()).fields.find((field) => field.name === 'Concord_Id__c')
  equal([key.type, key.externalId, key.unique], ['string', true, true])
}

// ---- Refusals -------------------------------------------------------------------------------------------------

async function what_is_not_there_is_an_error_with_its_code() {
  equal((await refused(() => people.retrieve('003000000000000AAA'))).errorCode, 'NOT_FOUND')
  const update = () => people.update({ Id: '003000000000000AAA', LastName: 'Nobody' })
  equal((await refused(update)).errorCode, 'INVALID_CROSS_REFERENCE_KEY')
  equal((await refused(() => org.describe('NoSuch__c'))).errorCode, 'NOT_FOUND')
}

async function a_taken_external_id_is_a_duplicate_value_that_names_its_holder() {
  const holder = await people.create({ LastName: 'Holder', Concord_Id__c: 'link-js-2' })
  const error = await refused(() => people.create({ LastName: 'Late', Concord_Id__c: 'link-js-2' }))
  const message = `duplicate value found: Concord_Id__c duplicates value on record with id: ${holder.id.slice(0, 15)}`
  equal([error.name, error.data], ['DUPLICATE_VALUE', { message, errorCode: 'DUPLICATE_VALUE', fields: [] }])
}

async function values_that_do_not_fit_are_errors_by_code_and_nothing_is_written() {
  for (const [row, code] of [
    [{ FirstName: 'No last name' }, 'REQUIRED_FIELD_MISSING'],
    [{ LastName: 'Bad', Email: 'nobody' }, 'INVALID_EMAIL_ADDRESS'],
    [{ LastName: 'Bad', No_Such__c: 1 }, 'INVALID_FIELD'],
    [{ LastName: 'Bad', Title: 'x'.repeat(129) }, 'STRING_TOO_LONG'],
  ]) {
    equal((await refused(() => people.create(row))).errorCode, code)
  }
  equal(await people.count({ LastName: 'Bad' }), 0)
}

async function a_query_that_cannot_be_read_is_refused() {
  equal((await refused(() => org.query('SELECT FROM'))).errorCode, 'MALFORMED_QUERY')
  equal((await refused(() => org.query('SELECT Nope FROM Contact'))).errorCode, 'INVALID_FIELD')
}

await run('jsforce (JavaScript)', [
  the_login_tells_who_one_is,
  a_wrong_secret_is_refused_at_login,
  a_session_of_another_login_is_taken_and_an_ended_one_is_not,
  a_contact_is_made_read_edited_and_deleted,
  an_upsert_by_external_id_makes_and_then_edits,
  a_contact_is_put_with_its_account_and_read_through_it,
  a_collection_makes_reads_edits_upserts_and_deletes_row_by_row,
  a_collection_of_all_or_none_writes_none,
  a_query_pages_through_all_that_match_in_order,
  conditions_dates_and_orders_become_a_query_that_is_understood,
  what_was_edited_and_deleted_since_is_listed,
  the_schema_says_what_concord_needs,
  what_is_not_there_is_an_error_with_its_code,
  a_taken_external_id_is_a_duplicate_value_that_names_its_holder,
  values_that_do_not_fit_are_errors_by_code_and_nothing_is_written,
  a_query_that_cannot_be_read_is_refused,
])
