import { Button, Group, NumberInput, Radio, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { BodyOf } from '../../api/client.ts'
import { projectsQuery } from '../../api/projects.ts'
import type { Project } from '../../api/projects.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { countOf } from '../../kit/numbers.ts'
import { TimeText } from '../../kit/TimeText.tsx'
import { ProjectLimits } from './ProjectLimits.tsx'
import { ProjectTokens } from './ProjectTokens.tsx'

const nameCharsMax = 200
const retentionDaysMax = 36_500
const retentionDaysSuggested = 365

export function ProjectCard({ project }: { readonly project: Project }) {
  const client = useQueryClient()
  const [name, setName] = useState(project.name)
  const [answers, setAnswers] = useState(project.answers)
  const [days, setDays] = useState<number | null>(project.event_retention_days)
  const save = useMutation({
    mutationFn: (change: BodyOf<'/api/projects/{id}', 'patch'>) =>
      answerOf(api.PATCH('/api/projects/{id}', { params: { path: { id: project.id } }, body: change })),
    onSuccess: () => client.invalidateQueries({ queryKey: projectsQuery.queryKey }),
  })
  const isChanged = name.trim() !== project.name || days !== project.event_retention_days || answers !== project.answers
  const isWhole = name.trim() !== '' && (days === null || days >= 1)
  const heading = `project-${String(project.id)}`
  return (
    <Stack component="section" className="surface" p="lg" gap="lg" aria-labelledby={`${heading} ${heading}-number`}>
      <div>
        <Title order={2} id={heading}>
          {project.name}
        </Title>
        <Text size="sm" c="dimmed">
          <span id={`${heading}-number`}>Project {String(project.id)}</span>, made{' '}
          <TimeText time={project.created_at} />
        </Text>
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate({ name: name.trim(), answers, event_retention_days: days })
        }}
      >
        <Stack gap="md" maw="30rem">
          <TextInput
            label="Name"
            required
            maxLength={nameCharsMax}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Radio.Group
            label="Keep events"
            value={days === null ? 'always' : 'days'}
            onChange={(kind) =>
              setDays(kind === 'always' ? null : (project.event_retention_days ?? retentionDaysSuggested))
            }
          >
            <Stack gap="xs" mt="xs">
              <Radio value="always" label="For ever" />
              <Group gap="sm" align="center">
                <Radio value="days" label="For a number of days" />
                {days !== null && (
                  <NumberInput
                    aria-label="Days to keep events"
                    w="8rem"
                    min={1}
                    max={retentionDaysMax}
                    allowDecimal={false}
                    suffix={days === 1 ? ' day' : ' days'}
                    value={days}
                    onChange={(value) => setDays(typeof value === 'number' ? value : 0)}
                  />
                )}
              </Group>
            </Stack>
          </Radio.Group>
          {days !== null && days >= 1 && days !== project.event_retention_days && (
            <Text size="sm" c="orange">
              Events are removed for good {countOf(days, 'day')} after they happened. How long an event is kept is
              decided when it arrives, so this counts for events from now on.
            </Text>
          )}
          <Radio.Group
            label="Answer requests"
            value={answers}
            onChange={(value) => setAnswers(value === 'strict' ? 'strict' : 'sdk')}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="sdk" label="As PostHog’s SDKs need it" description="200, whatever is kept out." />
              <Radio
                value="strict"
                label="Strictly"
                description="409 for what is there already, 429 for what meets a limit. SDKs throw away what they get such an answer to."
              />
            </Stack>
          </Radio.Group>
          {save.isError && <ErrorState title="The project was not changed" error={save.error} />}
          <Group gap="sm">
            <Button type="submit" loading={save.isPending} disabled={!isChanged || !isWhole}>
              Save
            </Button>
            <Text size="sm" c="dimmed" role="status">
              {save.isSuccess && !isChanged && 'Saved.'}
            </Text>
          </Group>
        </Stack>
      </form>
      <ProjectTokens project={project} />
      <ProjectLimits project={project} />
    </Stack>
  )
}
