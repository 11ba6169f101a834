/** What a heatmap is made of. */
const heatmapProperties = [
  '$heatmap_data',
  '$viewport_height',
  '$viewport_width',
  '$session_id',
  '$prev_pageview_pathname',
  '$prev_pageview_max_scroll',
  '$current_url',
  '$raw_user_agent',
  '$ip',
  '$host',
  '$timezone',
  '$cookieless_extra',
  '$cookieless_mode',
] as const

/** The properties of the `$$heatmap` event that an event is, or that is split off from it (capture spec §11.1). */
export function heatmapPropertiesOf(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const listed: Record<string, unknown> = {}
  for (const name of heatmapProperties) if (Object.hasOwn(properties, name)) listed[name] = properties[name]
  return listed
}
