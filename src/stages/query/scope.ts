import { Failure } from '../../kit/failure.ts'
import { isPermittedFunction } from './permitted-functions.ts'

/**
 * Keeps a question inside its project. The engine has no users and no row policies, so the text is checked before it
 * runs; the engine itself reads it, nothing is guessed.
 *
 * 1. The engine parses the text and writes it anew on one line (`canonicalSql`): no comments, one statement, keywords in
 *    capitals, strings and names quoted one way. From here on only this text is used, for the check and for the answer.
 * 2. `checkCanonical` refuses what may not even be explained: another statement than SELECT, output clauses, settings,
 *    names that come from parameters.
 * 3. The engine explains the text as a tree (`EXPLAIN AST`, runs nothing), one node a line, depth by indentation.
 *    `checkTree` permits known kinds of nodes, known functions, and tables without a database in front. Such a name is
 *    found among the question's own WITH parts or in the project's database, which holds nothing but its views. A type that is
 *    named by an argument must stand there as it is, because only then step 2 and this one have read it.
 *
 * The tree prints names as they are, so a name with a line break could write lines of its own: step 2 refuses them.
 * Everything that is not known to be harmless is refused.
 */

/** Longest text of a question. */
export const sqlCharactersMax = 100_000

/** A statement that gives the canonical form of the parameter `sql`, or fails with the engine's message. */
export const canonicalSql = 'SELECT formatQuerySingleLine({sql:String})'

export function explainSql(canonical: string): string {
  return `EXPLAIN AST ${canonical}`
}

export function checkCanonical(canonical: string): void {
  if (!/^(?:SELECT|WITH|\()/.test(canonical)) {
    throw refused('Only a SELECT can be asked.')
  }
  const { code, names } = withoutQuoted(canonical)
  // A quoted name that needs escapes holds a line break, a backslash or a quote.
  const strange = names.find((name) => /[\\\p{Cc}\p{Zl}\p{Zp}]/u.test(name))
  if (strange !== undefined)
    throw refused(`The name ${JSON.stringify(strange)} holds characters that are not permitted.`)
  if (/\p{Cc}/u.test(code)) throw refused('The question holds control characters outside of its texts.')
  const clause = /\b(INTO OUTFILE|FORMAT|SETTINGS|COMPRESSION)\b/.exec(code)?.[1]
  if (clause !== undefined)
    throw refused(`${clause} is not permitted in a question; give a name like it in small letters.`)
  if (/\{[^{}]*:\s*Identifier\s*\}/i.test(code)) {
    throw refused('A parameter can be a value, not the name of a table or column.')
  }
  // States in binary form are read by the engine without distrust.
  if (/AggregateFunction/i.test(canonical)) throw refused('Types of aggregate states are not permitted in a question.')
}

/** Splits a canonical text into what stands outside of quotes and what quoted names hold. */
function withoutQuoted(canonical: string): { readonly code: string; readonly names: readonly string[] } {
  const names: string[] = []
  const code = canonical.replaceAll(
    /'(?:[^'\\]|\\[^]|'')*'|`((?:[^`\\]|\\[^]|``)*)`|"((?:[^"\\]|\\[^]|"")*)"/g,
    (_quoted, name: string | undefined, other: string | undefined) => {
      if (name !== undefined || other !== undefined) names.push(name ?? other ?? '')
      return "''"
    },
  )
  if (/[`"]|'(?!')/.test(code.replaceAll("''", ''))) throw refused('The quotes of the question could not be matched.')
  return { code, names }
}

/** A node above the one that is looked at. */
interface Ancestor {
  readonly kind: string
  readonly rest: string
  readonly childCount: number
  /** Before the one that is looked at. */
  childrenSeen: number
}

/** Throws unless every line of the tree is permitted. */
export function checkTree(lines: readonly string[]): void {
  const ancestors: Ancestor[] = []
  for (const line of lines) {
    const [, indent = '', kind = '', rest = ''] = /^( *)([A-Za-z:]+)(?: (.*))?$/u.exec(line) ?? []
    const depth = indent.length
    if (kind === '' || depth > ancestors.length) throw refused(`The question could not be read: ${line.trim()}`)
    ancestors.length = depth
    const own = withoutCount(rest)
    checkNode(kind, own, ancestors)
    checkTypeName(kind, own, ancestors)
    const parent = ancestors.at(-1)
    if (parent !== undefined) parent.childrenSeen++
    ancestors.push({ kind, rest: own, childCount: childCountOf(rest), childrenSeen: 0 })
  }
  if (lines.length === 0) throw refused('The question is empty.')
}

function checkNode(kind: string, rest: string, ancestors: readonly Ancestor[]): void {
  const parent = ancestors.at(-1)?.kind
  if (parent === undefined && !roots.has(kind)) throw refused('Only a SELECT can be asked.')
  // FORMAT and INTO OUTFILE hang below the root, beside its list of SELECTs.
  if (ancestors.length === 1 && parent === 'SelectWithUnionQuery' && kind !== 'ExpressionList') {
    throw refused('FORMAT and INTO OUTFILE are not permitted in a question.')
  }
  switch (kind) {
    case 'TableIdentifier':
      checkTable(rest)
      return
    case 'Identifier':
      checkIdentifier(rest)
      return
    case 'Function':
      checkFunction(rest, parent)
      return
    case 'Set':
      throw refused('SETTINGS are not permitted in a question.')
    default:
      if (!harmless.has(kind)) throw refused(`${kind} is not permitted in a question.`)
  }
}

function checkTable(rest: string): void {
  const name = withoutAlias(rest)
  if (name.includes('.') || !/^[\p{L}\p{N}_$ -]+$/u.test(name)) {
    throw refused(`The table ${name} is not among yours. Ask events, session_recording_events or heatmaps.`)
  }
}

/** `x IN name` reads a table, and the tree calls the name an identifier: no name may begin with a database. */
function checkIdentifier(rest: string): void {
  const database = /^(?:sluice|system|default|information_schema|project_\d+|_\w+)(?=\.)/i.exec(rest)?.[0]
  if (database !== undefined) throw refused(`Names that begin with ${database} are not permitted in a question.`)
}

function checkFunction(rest: string, parent: string | undefined): void {
  const name = withoutAlias(rest)
  if (parent === 'TableExpression')
    throw refused(`The table function ${name} is not permitted. Ask events, session_recording_events or heatmaps.`)
  if (!/^\w+$/.test(name) || !isPermittedFunction(name)) throw refused(`The function ${name} is not permitted.`)
}

/** Which argument names a type, by function in small letters; counted from the end when negative. */
const typeArguments: ReadonlyMap<string, number> = new Map([
  ['cast', 1],
  ['_cast', 1],
  ['accuratecast', 1],
  ['accuratecastornull', 1],
  ['accuratecastordefault', 1],
  ['reinterpret', 1],
  ['jsonextract', -1],
])

/** A name that is put together, or given as a parameter, is not in the text that `checkCanonical` reads. */
function checkTypeName(kind: string, rest: string, ancestors: readonly Ancestor[]): void {
  const [call, list] = ancestors.slice(-2)
  if (call?.kind !== 'Function' || list?.kind !== 'ExpressionList') return
  const name = withoutAlias(call.rest)
  const at = typeArguments.get(name.toLowerCase())
  if (at === undefined || list.childrenSeen !== (at < 0 ? list.childCount + at : at)) return
  if (kind !== 'Literal') throw refused(`The type in ${name} must be written out, not put together.`)
  if (/AggregateFunction/i.test(rest)) throw refused('Types of aggregate states are not permitted in a question.')
}

function childCountOf(rest: string): number {
  return Number(/\(children (\d+)\)$/.exec(rest)?.[1] ?? 0)
}

function withoutCount(rest: string): string {
  return rest.replace(/ ?\(children \d+\)$/, '')
}

function withoutAlias(rest: string): string {
  return rest.replace(/ \(alias .*\)$/, '')
}

const roots = new Set(['SelectWithUnionQuery', 'SelectIntersectExceptQuery'])

/** Kinds of nodes that neither name a table nor run anything by themselves. APPLY is missing: its function is not shown. */
const harmless = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'WithElement',
  'Subquery',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableJoin',
  'ArrayJoin',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsRegexpMatcher',
  'ColumnsListMatcher',
  'QualifiedColumnsRegexpMatcher',
  'QualifiedColumnsListMatcher',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'Literal',
  'OrderByElement',
  'InterpolateElement',
  'WindowDefinition',
  'WindowListElement',
])

function refused(message: string): Failure {
  return new Failure('SLUICE_QUERY_REFUSED', message)
}
