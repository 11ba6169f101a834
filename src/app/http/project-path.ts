import { Type } from 'typebox'

const id = Type.Integer({ minimum: 1, description: 'Number of the project.' })

/** Params of a route below `/api/projects/:id`. Whether the asker may see the project is decided before they are looked at. */
export const ProjectPath = Type.Object({ id })

/** As `ProjectPath`, for a route below `/api/projects/:id/events/:uuid`. */
export const EventPath = Type.Object({ id, uuid: Type.String({ format: 'uuid', description: 'Id of the event.' }) })
