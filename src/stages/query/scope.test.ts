import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../kit/failure.ts'
import { checkCanonical, checkTree } from './scope.ts'

const refusal = (error: unknown) => codeOf(error) === 'SLUICE_QUERY_REFUSED'

/** The tree of `SELECT <expression>`. */
function selecting(...expression: readonly string[]): string[] {
  return [
    'SelectWithUnionQuery (children 1)',
    ' ExpressionList (children 1)',
    '  SelectQuery (children 1)',
    '   ExpressionList (children 1)',
    ...expression.map((line) => `    ${line}`),
  ]
}

describe('the check of a canonical text', () => {
  it('lets clauses stand in texts and quoted names', () => {
    checkCanonical("SELECT 'INTO OUTFILE' AS `FORMAT`, 'it\\'s SETTINGS', 'a''FORMAT'")
  })

  it('refuses quotes that it cannot match', () => {
    assert.throws(() => checkCanonical("SELECT 'x"), refusal)
    assert.throws(() => checkCanonical('SELECT `x'), refusal)
  })

  it('refuses names with escapes', () => {
    assert.throws(() => checkCanonical('SELECT 1 AS `a\\nb`'), refusal)
    assert.throws(() => checkCanonical('SELECT 1 AS `a\\`b`'), refusal)
  })
})

describe('the check of a tree', () => {
  it('permits what is known to be harmless', () => {
    checkTree(selecting('Function plus (alias x) (children 1)', ' ExpressionList (children 2)', '  Identifier a.b'))
  })

  it('refuses a kind of node that it does not know', () => {
    assert.throws(() => checkTree(selecting('NewKindOfNode')), refusal)
  })

  it('refuses lines that are no nodes or lie too deep', () => {
    assert.throws(() => checkTree(selecting('')), refusal)
    assert.throws(() => checkTree(selecting('  Literal 1')), refusal)
    assert.throws(() => checkTree([]), refusal)
  })

  it('refuses a function in the place of a table, whatever its name', () => {
    assert.throws(() => checkTree(selecting('TableExpression (children 1)', ' Function plus (children 1)')), refusal)
  })

  it('refuses the name of a type that is not written out, or names an aggregate state', () => {
    const typed = (name: string, ...type: readonly string[]) =>
      selecting(`Function ${name} (alias a) (children 1)`, ' ExpressionList (children 2)', '  Identifier x', ...type)
    for (const name of ['CAST', '_CAST', 'accurateCastOrNull', 'reinterpret', 'JSONExtract']) {
      checkTree(typed(name, "  Literal 'UInt8' (alias t)"))
      const put = ['  Function concat (children 1)', '   ExpressionList (children 1)', "    Literal 'UInt8'"]
      assert.throws(() => checkTree(typed(name, ...put)), refusal)
      assert.throws(() => checkTree(typed(name, '  Identifier t')), refusal)
      assert.throws(() => checkTree(typed(name, "  Literal 'AggregateFunction(sum, UInt8)'")), refusal)
    }
    checkTree(typed('plus', '  Identifier y'))
  })

  it('refuses output clauses below the root', () => {
    assert.throws(() => checkTree([...selecting('Literal 1'), " Literal '/tmp/x'"]), refusal)
  })
})
