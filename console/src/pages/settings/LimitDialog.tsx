import { Button, Checkbox, Group, Modal, NativeSelect, NumberInput, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { Project } from '../../api/projects.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { formOf, limitFrom, periods, resources } from './project-limits.ts'
import type { LimitForm, ProjectLimit } from './project-limits.ts'
import { projectLimitsKey } from './project-limits-key.ts'

interface LimitDialogProps {
  readonly project: Project
  /** The one to change; undefined for a new one. */
  readonly limit: ProjectLimit | undefined
  readonly onClose: () => void
}

const nameCharsMax = 200
const eventsMax = 1_000_000_000_000_000
const eventsPerSecondMax = 1_000_000_000

/** Whose events it counts is said when it is made, and stays. */
export function LimitDialog({ project, limit, onClose }: LimitDialogProps) {
  const [form, setForm] = useState(() => formOf(limit))
  const set = (change: Partial<LimitForm>) => setForm((before) => ({ ...before, ...change }))
  const client = useQueryClient()
  const wish = limitFrom(form)
  const save = useMutation({
    mutationFn: async (body: NonNullable<typeof wish>): Promise<void> => {
      const path = { id: project.id }
      await (limit === undefined
        ? answerOf(api.POST('/api/projects/{id}/limits', { params: { path }, body }))
        : answerOf(
            api.PATCH('/api/projects/{id}/limits/{limit_id}', {
              params: { path: { ...path, limit_id: limit.id } },
              body: { quota: body.quota ?? null, rate: body.rate ?? null },
            }),
          ))
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: projectLimitsKey(project.id) })
      onClose()
    },
  })
  const isNew = limit === undefined
  return (
    <Modal
      opened
      onClose={onClose}
      title={isNew ? 'New limit' : 'Change the limit'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (wish !== undefined) save.mutate(wish)
        }}
      >
        <Stack gap="md">
          <NativeSelect
            label="Which events"
            disabled={!isNew}
            data-autofocus={isNew || undefined}
            value={form.resource}
            data={[...resources, { value: '', label: 'One event by its name' }]}
            onChange={({ currentTarget: { value } }) => set({ resource: value })}
          />
          {form.resource === '' && (
            <TextInput
              label="Name of the event"
              required
              disabled={!isNew}
              maxLength={nameCharsMax}
              value={form.eventName}
              onChange={({ currentTarget: { value } }) => set({ eventName: value })}
            />
          )}
          <NativeSelect
            label="Sent by"
            disabled={!isNew}
            value={form.token}
            data={[
              { value: '', label: 'each token, counted by itself' },
              ...[...new Set([...project.tokens, ...(limit?.token == null ? [] : [limit.token])])],
            ]}
            onChange={({ currentTarget: { value } }) => set({ token: value })}
          />
          <Checkbox
            label="Quota: so many events in a period of the calendar (UTC)"
            checked={form.hasQuota}
            onChange={({ currentTarget: { checked } }) => set({ hasQuota: checked })}
          />
          {form.hasQuota && (
            <Group gap="sm" align="flex-end" grow>
              <NumberInput
                label="Events"
                min={0}
                max={eventsMax}
                allowDecimal={false}
                thousandSeparator=","
                value={form.events}
                onChange={(value) => set({ events: typeof value === 'number' ? value : -1 })}
              />
              <NativeSelect
                aria-label="Period"
                value={form.period}
                data={[...periods]}
                onChange={({ currentTarget: { value } }) => {
                  const period = periods.find((one) => one.value === value)?.value
                  if (period !== undefined) set({ period })
                }}
              />
            </Group>
          )}
          <Checkbox
            label="Rate: so many events a second"
            checked={form.hasRate}
            onChange={({ currentTarget: { checked } }) => set({ hasRate: checked })}
          />
          {form.hasRate && (
            <Group gap="sm" align="flex-end" grow>
              <NumberInput
                label="Events a second"
                min={0}
                max={eventsPerSecondMax}
                thousandSeparator=","
                value={form.perSecond}
                onChange={(value) => set({ perSecond: typeof value === 'number' ? value : -1 })}
              />
              <NumberInput
                label="At once"
                min={1}
                max={eventsMax}
                allowDecimal={false}
                thousandSeparator=","
                value={form.burst}
                onChange={(value) => set({ burst: typeof value === 'number' ? value : 0 })}
              />
            </Group>
          )}
          {save.isError && <ErrorState title="The limit was not saved" error={save.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending} disabled={wish === undefined}>
              {isNew ? 'Make the limit' : 'Save'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
