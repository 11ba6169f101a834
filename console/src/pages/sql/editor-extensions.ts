/** How CodeMirror reads, completes and colours ClickHouse's SQL. Loaded with the editor only. */
import { acceptCompletion, closeCompletion, completeFromList } from '@codemirror/autocomplete'
import { SQLDialect, sql } from '@codemirror/lang-sql'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { Prec, StateEffect, StateField } from '@codemirror/state'
import type { Extension } from '@codemirror/state'
import { Decoration, EditorView, keymap } from '@codemirror/view'
import type { DecorationSet } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { Place } from './error-place.ts'

export interface SqlSchema {
  readonly tables: readonly {
    readonly name: string
    readonly columns: readonly { readonly name: string; readonly type: string; readonly description: string }[]
  }[]
  readonly functions: readonly string[]
}

/** Of questions alone: what writes or defines is refused by the server anyway. */
const keywords =
  'select distinct from where and or not in is null like ilike between exists case when then else end as on using ' +
  'group by having order asc desc nulls first last limit offset union all except intersect with recursive join inner ' +
  'left right full outer cross global any asof semi anti array prewhere final sample ties fill step interpolate ' +
  'interval second minute hour day week month quarter year qualify window over partition rows range unbounded ' +
  'preceding following current row cast extract true false totals rollup cube settings'
const types =
  'int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 string date date32 datetime datetime64 uuid bool ' +
  'nullable array map tuple lowcardinality decimal'

const clickHouse = SQLDialect.define({
  keywords,
  types,
  backslashEscapes: true,
  identifierQuotes: '`"',
})

export function language({ tables, functions }: SqlSchema): Extension {
  const schema = Object.fromEntries(
    tables.map(({ name, columns }) => [
      name,
      columns.map((column) => ({
        label: column.name,
        detail: column.type,
        info: column.description,
        type: 'property',
        boost: 10,
      })),
    ]),
  )
  const [first] = tables
  return [
    sql({
      dialect: clickHouse,
      schema,
      upperCaseKeywords: true,
      ...(first === undefined ? {} : { defaultTable: first.name }),
    }),
    clickHouse.language.data.of({
      autocomplete: completeFromList(
        functions.map((name) => ({ label: name, type: 'function', detail: '()', apply: `${name}(` })),
      ),
    }),
  ]
}

/** Tab completes what is open and is otherwise the browser's, so nobody is caught in the editor. */
export function keys(onRun: () => void): Extension {
  return Prec.highest(
    keymap.of([
      {
        key: 'Mod-Enter',
        run: (view) => {
          closeCompletion(view)
          onRun()
          return true
        },
      },
      { key: 'Tab', run: acceptCompletion },
    ]),
  )
}

const setMark = StateEffect.define<Place | undefined>()

/** The words that the server complained about; gone as soon as anything is changed. */
export const mark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setMark)) continue
      const place = effect.value
      const to = Math.min(place?.to ?? 0, transaction.newDoc.length)
      return place === undefined || place.from >= to
        ? Decoration.none
        : Decoration.set(Decoration.mark({ class: 'cm-complaint' }).range(place.from, to))
    }
    return transaction.docChanged ? Decoration.none : marks
  },
  provide: (field) => EditorView.decorations.from(field),
})

export function markEffect(place: Place | undefined): StateEffect<Place | undefined> {
  return setMark.of(place)
}

const colors = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.keyword, color: 'var(--mantine-color-anchor)', fontWeight: '600' },
    { tag: [tags.string, tags.special(tags.string)], color: 'var(--mantine-color-green-text)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--mantine-color-orange-text)' },
    { tag: tags.typeName, color: 'var(--mantine-color-teal-text)' },
    { tag: tags.comment, color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
  ]),
)

const surface = 'var(--sluice-surface)'

/** All in variables of the page, so one theme serves both schemes. */
const theme = EditorView.theme({
  '&': {
    backgroundColor: 'var(--mantine-color-body)',
    color: 'var(--mantine-color-text)',
    fontSize: '0.875rem',
    borderRadius: 'inherit',
  },
  '&.cm-focused': { outline: '2px solid var(--mantine-color-anchor)', outlineOffset: '1px' },
  '.cm-content': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    minHeight: '9.5rem',
    caretColor: 'var(--mantine-color-text)',
  },
  '.cm-scroller': { maxHeight: '24rem', overflow: 'auto', borderRadius: 'inherit' },
  '.cm-gutters': {
    backgroundColor: surface,
    color: 'var(--mantine-color-dimmed)',
    borderRight: '1px solid var(--sluice-line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': {
    backgroundColor: 'color-mix(in srgb, var(--mantine-color-anchor) 7%, transparent)',
  },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--mantine-color-anchor) 28%, transparent)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: 'color-mix(in srgb, var(--mantine-color-anchor) 20%, transparent)',
  },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '.cm-complaint': {
    textDecoration: 'underline wavy var(--mantine-color-error)',
    backgroundColor: 'color-mix(in srgb, var(--mantine-color-error) 16%, transparent)',
  },
  '.cm-tooltip, .cm-panels': {
    backgroundColor: surface,
    color: 'var(--mantine-color-text)',
    border: '1px solid var(--sluice-line)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--mantine-color-water-8)',
    color: 'var(--mantine-color-white)',
  },
  '.cm-completionDetail': { fontStyle: 'normal', opacity: '0.85' },
})

export const look: Extension = [theme, colors]
