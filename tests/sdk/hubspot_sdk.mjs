// HubSpot's own JavaScript client, `@hubspot/api-client`, with the sandbox's address for `basePath`.

import assert from 'node:assert/strict'

import { Client } from '@hubspot/api-client'
import { ApiException as AssociationsException } from '@hubspot/api-client/lib/codegen/crm/associations/v4/index.js'
import { ApiException } from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import { endpoints, equal, eventually, refused, run } from './checks.mjs'

const E = endpoints()
const { crm } = new Client({ accessToken: E.hubspot_token, basePath: E.hubspot })
const { basicApi: people, batchApi: many, searchApi } = crm.contacts
const pairs = crm.associations.v4
const NAMES = ['email', 'firstname', 'lastname']

const made = (properties) => people.create({ properties, associations: [] })

/** What a record holds of these properties. */
const held = (record, names = NAMES) => Object.fromEntries(names.map((name) => [name, record.properties[name]]))

/** Batches answer in any order. */
const by = (name, records) => records.toSorted((one, other) => (one[name] < other[name] ? -1 : 1))

const gone = async (id, ...rest) => equal((await refused(ApiException, () => people.getById(id, ...rest))).code, 404)

// ---- One record -----------------------------------------------------------------------------------------------

async function a_contact_is_made_read_edited_and_archived() {
  const ada = await made({ email: 'ada@js.example.org', firstname: 'Ada', lastname: 'Byron' })
  equal(held(ada), { email: 'ada@js.example.org', firstname: 'Ada', lastname: 'Byron' })
  assert.ok(ada.archived === false && ada.createdAt instanceof Date)

  const read = await people.getById(ada.id, [...NAMES, 'phone'], undefined, ['companies'])
  equal([read.id, held(read, [...NAMES, 'phone'])], [ada.id, { ...held(ada), phone: null }])
  assert.equal(read.associations, undefined)

  const edited = await people.update(ada.id, { properties: { lastname: 'King', phone: '+44 20 7946 0000' } })
  equal(held(edited, ['lastname', 'phone']), { lastname: 'King', phone: '+44 20 7946 0000' })
  assert.ok(edited.updatedAt > read.updatedAt)
  const byKey = await people.getById('ada@js.example.org', NAMES, undefined, undefined, false, 'email')
  equal([byKey.id, held(byKey)], [ada.id, { ...held(ada), lastname: 'King' }])

  await people.archive(ada.id)
  await gone(ada.id)
  const archived = await people.getById(ada.id, NAMES, undefined, undefined, true)
  equal([archived.archived, held(archived)], [true, { ...held(ada), lastname: 'King' }])
  assert.ok(archived.archivedAt >= edited.updatedAt)
}

async function a_cleared_property_is_null_and_its_history_is_kept() {
  const joan = await made({ email: 'joan@js.example.org', jobtitle: 'Analyst' })
  await people.update(joan.id, { properties: { jobtitle: '' } })
  const read = await people.getById(joan.id, ['jobtitle'], ['jobtitle'])
  equal(held(read, ['jobtitle']), { jobtitle: null })
  const versions = read.propertiesWithHistory.jobtitle.map((one) => [one.value, one.sourceType])
  equal(versions, [['', 'INTEGRATION'], ['Analyst', 'INTEGRATION']])
}

async function a_merged_contact_answers_under_both_ids() {
  const stays = await made({ email: 'mary@js.example.org', firstname: 'Mary' })
  const goes = await made({ email: 'mary.s@js.example.org', lastname: 'Somerville' })
  const merged = await people.merge({ primaryObjectId: stays.id, objectIdToMerge: goes.id })
  for (const id of [stays.id, goes.id, merged.id]) {
    const read = await people.getById(id, NAMES)
    const expected = { email: 'mary@js.example.org', firstname: 'Mary', lastname: 'Somerville' }
    equal([read.id, held(read)], [merged.id, expected])
  }
}

// ---- Many records ---------------------------------------------------------------------------------------------

async function a_batch_makes_reads_edits_and_archives() {
  const wanted = [0, 1, 2].map((n) => ({ email: `b${n}@js.example.org`, firstname: `B${n}` }))
  const inputs = wanted.map((properties) => ({ properties, associations: [] }))
  const answer = await many.create({ inputs })
  equal(answer.status, 'COMPLETE')
  equal(by('email', answer.results.map((one) => held(one, ['email', 'firstname']))), wanted)
  const ids = answer.results.map((one) => one.id).sort()

  const surnames = ids.map((id) => ({ id, lastname: `Of ${id}` }))
  const shown = ({ results }) => by('id', results.map(({ id, properties }) => ({ id, lastname: properties.lastname })))
  const edits = surnames.map(({ id, lastname }) => ({ id, properties: { lastname } }))
  equal(shown(await many.update({ inputs: edits })), surnames)

  const addresses = wanted.map(({ email }) => ({ id: email }))
  const read = { inputs: addresses, idProperty: 'email', properties: ['lastname'], propertiesWithHistory: [] }
  equal(shown(await many.read(read)), surnames)

  await many.archive({ inputs: ids.map((id) => ({ id })) })
  for (const id of ids) await gone(id)
}

async function a_batch_read_tells_who_is_missing_beside_who_is_there() {
  const here = await made({ email: 'here@js.example.org' })
  const inputs = [{ id: here.id }, { id: '1' }]
  const answer = await many.read({ inputs, properties: ['email'], propertiesWithHistory: [] })
  equal(answer.results.map((one) => one.id), [here.id])
  equal([answer.numErrors, answer.errors.map((one) => [one.category, one.context])], [
    1,
    [['OBJECT_NOT_FOUND', { ids: ['1'] }]],
  ])
}

async function an_upsert_by_a_unique_property_makes_and_then_edits() {
  const upsert = async (firstname) => {
    const inputs = [{ id: 'link-js-1', idProperty: 'concord_id', properties: { firstname } }]
    const { results } = await many.upsert({ inputs })
    equal(results.length, 1)
    return results[0]
  }
  const [first, second] = [await upsert('Grace'), await upsert('Amazing Grace')]
  equal([first._new, second._new, second.id], [true, false, first.id])
  const read = await people.getById('link-js-1', ['firstname'], undefined, undefined, false, 'concord_id')
  equal([read.id, read.properties.firstname], [first.id, 'Amazing Grace'])
}

// ---- Finding --------------------------------------------------------------------------------------------------

async function a_search_pages_through_all_that_match_and_no_others() {
  for (let n = 0; n < 7; n += 1) {
    await made({ email: `s${n}@js.example.org`, jobtitle: 'Sought in JavaScript', lastname: `${n}` })
  }
  await made({ email: 's7@js.example.org', jobtitle: 'Not sought' })
  const page = (after) =>
    searchApi.doSearch({
      filterGroups: [{ filters: [{ propertyName: 'jobtitle', operator: 'EQ', value: 'Sought in JavaScript' }] }],
      sorts: ['lastname'],
      properties: ['lastname'],
      limit: 3,
      after,
    })

  const first = await eventually(() => page(), (found) => found.total === 7)
  equal(first.total, 7)
  const second = await page(first.paging.next.after)
  const third = await page(second.paging.next.after)
  assert.equal(third.paging, undefined)
  const pages = [first, second, third].map((answer) => answer.results.map((one) => one.properties.lastname))
  equal(pages, [['0', '1', '2'], ['3', '4', '5'], ['6']])
}

async function a_listing_pages_through_all_contacts() {
  const here = []
  for (let n = 0; n < 3; n += 1) here.push((await made({ email: `l${n}@js.example.org` })).id)
  const ids = []
  for (let after; ; ) {
    const page = await people.getPage(20, after)
    assert.ok(page.results.length <= 20)
    ids.push(...page.results.map((one) => one.id))
    after = page.paging?.next.after
    if (after === undefined) break
  }
  equal(ids.length, new Set(ids).size)
  assert.ok(here.every((id) => ids.includes(id)))
  equal((await crm.contacts.getAll()).map((one) => one.id).sort(), ids.sort())
}

async function a_property_is_defined_and_then_used() {
  const { coreApi } = crm.properties
  await coreApi.create('contacts', {
    name: 'hat_size',
    label: 'Hat size',
    type: 'number',
    fieldType: 'number',
    groupName: 'contactinformation',
  })
  equal((await coreApi.getByName('contacts', 'hat_size')).type, 'number')
  const names = (await coreApi.getAll('contacts')).results.map((one) => one.name)
  assert.ok(['email', 'concord_id', 'hat_size'].every((name) => names.includes(name)))
  equal(held(await made({ email: 'hat@js.example.org', hat_size: '57' }), ['hat_size']), { hat_size: '57' })
}

// ---- Associations ---------------------------------------------------------------------------------------------

async function a_contact_and_a_company_are_associated_read_and_parted() {
  const person = await made({ email: 'worker@js.example.org' })
  const firm = await crm.companies.basicApi.create({ properties: { name: 'Works' }, associations: [] })
  const ends = ['contacts', person.id, 'companies', firm.id]

  await pairs.basicApi.createDefault(...ends)
  await pairs.basicApi.create(...ends, [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 }])
  const { results } = await pairs.basicApi.getPage('contacts', person.id, 'companies')
  // A number on the wire, whatever the client's types say.
  equal(results.map((one) => one.toObjectId), [Number(firm.id)])
  const kinds = results[0].associationTypes.map((one) => [one.typeId, one.category, one.label])
  equal(kinds.toSorted((one, other) => one[0] - other[0]), [
    [1, 'HUBSPOT_DEFINED', 'Primary'],
    [279, 'HUBSPOT_DEFINED', null],
  ])

  const answer = await pairs.batchApi.getPage('companies', 'contacts', { inputs: [{ id: firm.id }] })
  const listed = answer.results.map((one) => [one._from.id, one.to.map((to) => to.toObjectId)])
  equal(listed, [[firm.id, [Number(person.id)]]])
  const read = await people.getById(person.id, undefined, undefined, ['companies'])
  equal([...new Set(read.associations.companies.results.map((one) => one.id))], [firm.id])

  await pairs.basicApi.archive(...ends)
  equal((await pairs.basicApi.getPage('contacts', person.id, 'companies')).results, [])
  const nobody = () => pairs.basicApi.getPage('contacts', '1', 'companies')
  equal((await refused(AssociationsException, nobody)).code, 404)
}

// ---- Refusals -------------------------------------------------------------------------------------------------

async function what_is_not_there_is_an_exception_with_404() {
  for (const call of [() => people.getById('1'), () => people.update('1', { properties: { firstname: 'Nobody' } })]) {
    const { code, body } = await refused(ApiException, call)
    equal([code, body.category], [404, 'OBJECT_NOT_FOUND'])
  }
}

async function a_taken_address_is_a_conflict_that_names_its_holder() {
  const holder = await made({ email: 'taken@js.example.org' })
  const { code, body } = await refused(ApiException, () => made({ email: 'Taken@js.example.org' }))
  equal([code, body.category, body.message], [409, 'CONFLICT', `Contact already exists. Existing ID: ${holder.id}`])
}

async function values_that_do_not_fit_are_a_validation_error_and_nothing_is_written() {
  const values = { email: 'nobody', newsletter: 'perhaps', no_such: 'x' }
  const { code, body } = await refused(ApiException, () => made(values))
  equal([code, body.category], [400, 'VALIDATION_ERROR'])
  const faults = body.errors.map((one) => [one.context.propertyName[0], one.code])
  equal(faults.sort(), [
    ['email', 'INVALID_EMAIL'],
    ['newsletter', 'INVALID_OPTION'],
    ['no_such', 'PROPERTY_DOESNT_EXIST'],
  ])
  await gone('nobody', undefined, undefined, undefined, false, 'email')
}

async function a_wrong_token_is_an_exception_with_401() {
  const stranger = new Client({ accessToken: 'pat-nobody', basePath: E.hubspot })
  const { code, body } = await refused(ApiException, () => stranger.crm.contacts.basicApi.getPage())
  equal([code, body.category], [401, 'INVALID_AUTHENTICATION'])
}

await run('@hubspot/api-client (JavaScript)', [
  a_contact_is_made_read_edited_and_archived,
  a_cleared_property_is_null_and_its_history_is_kept,
  a_merged_contact_answers_under_both_ids,
  a_batch_makes_reads_edits_and_archives,
  a_batch_read_tells_who_is_missing_beside_who_is_there,
  an_upsert_by_a_unique_property_makes_and_then_edits,
  a_search_pages_through_all_that_match_and_no_others,
  a_listing_pages_through_all_contacts,
  a_property_is_defined_and_then_used,
  a_contact_and_a_company_are_associated_read_and_parted,
  what_is_not_there_is_an_exception_with_404,
  a_taken_address_is_a_conflict_that_names_its_holder,
  values_that_do_not_fit_are_a_validation_error_and_nothing_is_written,
  a_wrong_token_is_an_exception_with_401,
])
