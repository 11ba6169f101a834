/** To begin with: each works on any project that has events. */
export const exampleQuestions: readonly { readonly title: string; readonly query: string }[] = [
  {
    title: 'Events of the last 7 days, by name',
    query: `SELECT event, count() AS events, uniq(distinct_id) AS users
FROM events
WHERE timestamp > now() - INTERVAL 7 DAY
GROUP BY event
ORDER BY events DESC
LIMIT 20`,
  },
  {
    title: 'Events a day',
    query: `SELECT toDate(timestamp) AS day, count() AS events
FROM events
WHERE timestamp > now() - INTERVAL 30 DAY
GROUP BY day
ORDER BY day`,
  },
  {
    title: 'Active users a week',
    query: `SELECT toStartOfWeek(timestamp, 1) AS week, uniq(distinct_id) AS users
FROM events
GROUP BY week
ORDER BY week`,
  },
  {
    title: 'Values of a property',
    query: `SELECT JSONExtractString(properties, '$current_url') AS url, count() AS views
FROM events
WHERE event = '$pageview'
GROUP BY url
ORDER BY views DESC
LIMIT 50`,
  },
  {
    title: 'The newest events',
    query: `SELECT timestamp, event, distinct_id, properties
FROM events
ORDER BY timestamp DESC
LIMIT 100`,
  },
]
