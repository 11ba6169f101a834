import { Compartment } from '@codemirror/state'
import { EditorView, placeholder } from '@codemirror/view'
import { basicSetup } from 'codemirror'
import { useEffect, useRef } from 'react'
import { keys, language, look, mark, markEffect } from './editor-extensions.ts'
import type { SqlSchema } from './editor-extensions.ts'
import type { Place } from './error-place.ts'

interface SqlEditorProps {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly onRun: () => void
  readonly schema: SqlSchema | undefined
  /** What the server complained about in the present text. */
  readonly complaint: Place | undefined
  readonly describedBy: string
}

const noSchema: SqlSchema = { tables: [], functions: [] }

export function SqlEditor({ value, onChange, onRun, schema, complaint, describedBy }: SqlEditorProps) {
  const parent = useRef<HTMLDivElement>(null)
  const editor = useRef<{ readonly view: EditorView; readonly language: Compartment }>(undefined)
  const latest = useRef({ onChange, onRun, value })
  useEffect(() => {
    latest.current = { onChange, onRun, value }
  })

  useEffect(() => {
    if (parent.current === null) return
    const compartment = new Compartment()
    const view = new EditorView({
      parent: parent.current,
      doc: latest.current.value,
      extensions: [
        keys(() => latest.current.onRun()),
        basicSetup,
        compartment.of(language(noSchema)),
        mark,
        look,
        placeholder('SELECT … FROM events'),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Question in SQL', 'aria-describedby': describedBy }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) latest.current.onChange(update.state.doc.toString())
        }),
      ],
    })
    editor.current = { view, language: compartment }
    return () => {
      view.destroy()
      editor.current = undefined
    }
  }, [describedBy])

  useEffect(() => {
    const view = editor.current?.view
    if (view === undefined || view.state.doc.toString() === value) return
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } })
  }, [value])

  useEffect(() => {
    const { view, language: compartment } = editor.current ?? {}
    if (schema !== undefined) view?.dispatch({ effects: compartment?.reconfigure(language(schema)) ?? [] })
  }, [schema])

  useEffect(() => {
    editor.current?.view.dispatch({ effects: markEffect(complaint) })
  }, [complaint])

  return <div ref={parent} className="surface" />
}
