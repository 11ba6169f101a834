/** The bounds of what people send and ask. */
import { Type } from 'typebox'
import type { NamedLimit } from '../../config.ts'
import type { HttpApp } from '../http-app.ts'

const LimitAnswer = Type.Object(
  {
    name: Type.String({ description: 'Section and name of the setting.' }),
    value: Type.Number(),
    unit: Type.Union([Type.Literal('bytes'), Type.Literal('ms'), Type.Literal('count')]),
    description: Type.String(),
    environment: Type.String({ description: 'The variable that sets it.' }),
  },
  { title: 'Limit' },
)

export function limitRoutes(app: HttpApp, { limits }: { readonly limits: readonly NamedLimit[] }): void {
  app.get(
    '/api/limits',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listLimits',
        summary: 'Settings that bound what people send and ask',
        tags: ['Limits'],
        response: { 200: Type.Object({ limits: Type.Array(LimitAnswer) }) },
      },
    },
    () => ({ limits: limits.map((limit) => ({ ...limit })) }),
  )
}
