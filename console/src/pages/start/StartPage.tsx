import { Alert, Anchor, Code, Stack, Tabs, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { sluiceUrl } from '../../api/client.ts'
import { useProject } from '../../current-project.ts'
import { CodeBlock } from '../../kit/CodeBlock.tsx'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { FirstEvent } from './FirstEvent.tsx'
import { snippetsFor } from './snippets.ts'

const lastSnippetKey = 'sluice-snippet'

export function StartPage() {
  const project = useProject()
  const [token] = project.tokens
  const snippets = snippetsFor(token ?? '<project token>', sluiceUrl)
  const last = localStorage.getItem(lastSnippetKey)
  const first = snippets.find(({ id }) => id === last) ?? snippets[0]
  return (
    <>
      <PageHeader
        title="Send events"
        description={
          <>
            Use a PostHog SDK, or plain HTTP. Below, the token of the project “{project.name}” and the address of this
            Sluice are filled in.
          </>
        }
      />
      <Stack gap="xl" maw="60rem">
        <FirstEvent projectId={project.id} />
        {token === undefined && (
          <Alert color="orange" title="This project has no token">
            All of them were revoked, so nothing can be sent to it.{' '}
            <Anchor inherit renderRoot={(props) => <Link {...props} to="/settings" />}>
              Add one under Settings
            </Anchor>
            , and it is filled in here.
          </Alert>
        )}
        <section aria-labelledby="snippets">
          <Title order={2} id="snippets" mb="sm">
            In your code
          </Title>
          <Tabs
            defaultValue={first?.id ?? null}
            onChange={(id) => localStorage.setItem(lastSnippetKey, id ?? '')}
            keepMounted={false}
          >
            <Tabs.List mb="md">
              {snippets.map(({ id, name }) => (
                <Tabs.Tab key={id} value={id}>
                  {name}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            {snippets.map(({ id, name, install, code, note }) => (
              <Tabs.Panel key={id} value={id}>
                <Stack gap="sm">
                  {install !== undefined && <CodeBlock code={install} label={`the install command for ${name}`} />}
                  <CodeBlock code={code} label={`the ${name} code`} />
                  {note !== undefined && (
                    <Text size="sm" c="dimmed">
                      {note}
                    </Text>
                  )}
                </Stack>
              </Tabs.Panel>
            ))}
          </Tabs>
        </section>
        <section aria-labelledby="facts">
          <Title order={2} id="facts" mb="sm">
            Good to know
          </Title>
          <Stack gap="xs">
            <Text size="sm">
              The token may only write events, so it can stand in a page. Reading takes a personal key, which is made
              under{' '}
              <Anchor inherit renderRoot={(props) => <Link {...props} to="/settings" search={{ tab: 'keys' }} />}>
                Settings
              </Anchor>
              .
            </Text>
            <Text size="sm">
              An answer of <Code>200</Code> comes when the event is in the log. A copy that is sent again is answered
              and not stored twice. An event is usually in the table after one to two seconds.
            </Text>
          </Stack>
        </section>
      </Stack>
    </>
  )
}
