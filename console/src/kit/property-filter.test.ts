import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { filterDraftFrom, filterDraftsFrom, filterFrom, filterLinkFrom, withOperator } from './property-filter.ts'

describe('a property filter', () => {
  it('is left out of the question while its property or its value is missing', () => {
    assert.equal(filterFrom({ property: '', operator: 'exact', values: ['pro'] }), undefined)
    assert.equal(filterFrom({ property: 'plan', operator: 'exact', values: [] }), undefined)
    assert.equal(filterFrom({ property: 'plan', operator: 'regex', values: [''] }), undefined)
  })

  it('asks for a number when it compares, and waits while the text is none', () => {
    assert.deepEqual(filterFrom({ property: 'price', operator: 'gte', values: ['9.5'] }), {
      property: 'price',
      operator: 'gte',
      value: 9.5,
    })
    assert.equal(filterFrom({ property: 'price', operator: 'gte', values: ['9,5x'] }), undefined)
    assert.equal(filterFrom({ property: 'price', operator: 'gte', values: [' '] }), undefined)
  })

  it('needs no value when it asks whether the property is there', () => {
    assert.deepEqual(filterFrom({ property: 'plan', operator: 'is_set', values: ['left over'] }), {
      property: 'plan',
      operator: 'is_set',
    })
  })

  it('sends a list only when there is more than one value', () => {
    assert.equal(filterFrom({ property: 'plan', operator: 'exact', values: ['pro'] })?.value, 'pro')
    assert.deepEqual(filterFrom({ property: 'plan', operator: 'exact', values: ['pro', 'team'] })?.value, [
      'pro',
      'team',
    ])
  })

  it('comes back from a link as it was, also half done', () => {
    const drafts = [
      { property: 'plan', operator: 'is_not', values: ['pro', 'team'] },
      { property: 'price', operator: 'gt', values: [] },
    ] as const
    assert.deepEqual(filterDraftsFrom(JSON.parse(JSON.stringify(filterLinkFrom(drafts)))), drafts)
  })

  it('reads what the API was given: numbers and booleans become text', () => {
    assert.deepEqual(filterDraftFrom({ property: 'paid', operator: 'exact', value: true })?.values, ['true'])
    assert.deepEqual(filterDraftFrom({ property: 'price', operator: 'lt', value: 3 })?.values, ['3'])
  })

  it('refuses what is no filter', () => {
    for (const raw of [null, 1, 'plan', [], {}, { property: 3 }, { property: 'x'.repeat(201) }])
      assert.equal(filterDraftFrom(raw), undefined)
    assert.deepEqual(filterDraftsFrom('plan'), [])
  })

  it('keeps the values that a new operator can take', () => {
    const draft = { property: 'plan', operator: 'exact', values: ['pro', 'team'] } as const
    assert.deepEqual(withOperator(draft, 'icontains').values, ['pro'])
    assert.deepEqual(withOperator(draft, 'is_set').values, [])
  })
})
