/**
 * Walks over rows as JSON lines (`WarehouseRow`, keys in its order) and says whose each is, without parsing it. For whoever
 * looks at every row and wants few: a row costs two searches in bytes (0.4 µs for 1 KB, where a parse costs 2.5) instead of a parse.
 *
 * The searches are exact, not guesses: a quotation mark inside of a JSON text has a backslash before it, so that the
 * bytes `,"` stand between two keys and nowhere else.
 */
const newline = 10
const zero = 48
const uuidAt = Buffer.byteLength('{"uuid":"')
const beforeEvent = Buffer.from('","event":"')
const beforeProperties = Buffer.from('","properties":"')
const beforeTeam = Buffer.from(',"team_id":')
const beforeDistinctId = Buffer.from(',"distinct_id":"')
const beforeCreatedAt = Buffer.from('","created_at":')

export class RowLines {
  readonly rows: Buffer
  /** The present row is from `start` up to `end`, without its line break. */
  start = 0
  end = -1
  teamId = 0
  #afterTeam = 0

  constructor(rows: Buffer) {
    this.rows = rows
  }

  /** Goes to the next row; false when there is none. */
  next(): boolean {
    const { rows } = this
    const start = this.end + 1
    if (start >= rows.length) return false
    const end = rows.indexOf(newline, start)
    this.start = start
    this.end = end === -1 ? rows.length : end
    const teamAt = rows.indexOf(beforeTeam, start)
    if (teamAt === -1 || teamAt > this.end) throw new TypeError('This line is no row as ingestion writes them.')
    let at = teamAt + beforeTeam.length
    let teamId = 0
    for (let digit = (rows[at] ?? 0) - zero; digit >= 0 && digit <= 9; digit = (rows[++at] ?? 0) - zero) {
      teamId = teamId * 10 + digit
    }
    this.teamId = teamId
    this.#afterTeam = at
    return true
  }

  /** The event's name as `rowText` writes it. */
  get event(): string {
    const from = this.rows.indexOf(beforeEvent, this.start + uuidAt) + beforeEvent.length
    return this.rows.toString('latin1', from, this.rows.indexOf(beforeProperties, from))
  }

  /** The distinct id as `rowText` writes it. */
  get distinctId(): string {
    const from = this.#afterTeam + beforeDistinctId.length
    return this.rows.toString('latin1', from, this.rows.indexOf(beforeCreatedAt, from))
  }

  /** The present row as text. */
  get text(): string {
    return this.rows.toString('utf8', this.start, this.end)
  }
}

/** A text as it stands in a row, byte for byte: equal texts are equal here and unequal ones are not. */
export function rowText(text: string): string {
  return Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')
}
