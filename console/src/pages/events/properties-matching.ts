import { propertyText } from '../../kit/property-text.ts'

/** The properties that have the text in their name or value; all of them without a text. */
export function propertiesMatching(
  properties: Readonly<Record<string, unknown>>,
  text: string,
): Readonly<Record<string, unknown>> {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return properties
  return Object.fromEntries(
    Object.entries(properties).filter(([name, value]) =>
      `${name}\n${propertyText(value)}`.toLowerCase().includes(wanted),
    ),
  )
}
