/** How the first event is sent, for each way of sending. The texts are whole programs, so that they run as they are. */
export interface Snippet {
  readonly id: string
  readonly name: string
  readonly install?: string
  readonly code: string
  /** What one has to know that the code does not say. */
  readonly note?: string
}

export function snippetsFor(token: string, host: string): readonly Snippet[] {
  return [
    {
      id: 'javascript',
      name: 'JavaScript',
      install: 'npm install posthog-js',
      code: `import posthog from 'posthog-js'

posthog.init('${token}', { api_host: '${host}' })

posthog.capture('signed up', { plan: 'free' })`,
      note: 'For pages in a browser. SLUICE_SDKS_SESSION_RECORDING=on lets it record sessions too.',
    },
    {
      id: 'react',
      name: 'React',
      install: 'npm install posthog-js',
      code: `import { createRoot } from 'react-dom/client'
import { PostHogProvider, usePostHog } from 'posthog-js/react'

const options = { api_host: '${host}' }

function SignUp() {
  const posthog = usePostHog()
  return <button onClick={() => posthog.capture('signed up', { plan: 'free' })}>Sign up</button>
}

createRoot(document.getElementById('root')).render(
  <PostHogProvider apiKey="${token}" options={options}>
    <SignUp />
  </PostHogProvider>,
)`,
      note: 'SLUICE_SDKS_SESSION_RECORDING=on lets it record sessions too.',
    },
    {
      id: 'node',
      name: 'Node',
      install: 'npm install posthog-node',
      code: `import { PostHog } from 'posthog-node'

const posthog = new PostHog('${token}', { host: '${host}' })

posthog.capture({ distinctId: 'user-1', event: 'signed up', properties: { plan: 'free' } })

await posthog.shutdown() // sends what waits`,
    },
    {
      id: 'python',
      name: 'Python',
      install: 'pip install posthog',
      code: `from posthog import Posthog

posthog = Posthog('${token}', host='${host}')

posthog.capture('signed up', distinct_id='user-1', properties={'plan': 'free'})

posthog.shutdown()  # sends what waits`,
    },
    {
      id: 'go',
      name: 'Go',
      install: 'go get github.com/posthog/posthog-go',
      code: `package main

import "github.com/posthog/posthog-go"

func main() {
	client, err := posthog.NewWithConfig("${token}", posthog.Config{Endpoint: "${host}"})
	if err != nil {
		panic(err)
	}
	defer client.Close() // sends what waits

	err = client.Enqueue(posthog.Capture{
		DistinctId: "user-1",
		Event:      "signed up",
		Properties: posthog.NewProperties().Set("plan", "free"),
	})
	if err != nil {
		panic(err)
	}
}`,
    },
    {
      id: 'curl',
      name: 'curl',
      code: `curl -i ${quoted(`${host}/capture/`)} \\
  -H 'content-type: application/json' \\
  -d '{"api_key":"${token}","event":"signed up","distinct_id":"user-1","properties":{"plan":"free"}}'`,
      note: '200 means that the event is in the log. The header sluice-receipt says where, and how it is kept.',
    },
  ]
}

/** Only when it has to be: a plain address is easier to read. */
function quoted(text: string): string {
  return /^[\w:/.@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
