import { Badge, Group, Stack, Text, ThemeIcon, Timeline } from '@mantine/core'
import { IconCheck, IconClock, IconMinus, IconX } from '@tabler/icons-react'
import { TimeText } from '../../kit/TimeText.tsx'
import {
  positionWords,
  STAGE_WORDS,
  TONE_COLORS,
  toneOf,
  verdictWords,
  type JourneyStep,
  type Tone,
} from './journey-words.ts'

const ICONS = { good: IconCheck, waiting: IconClock, bad: IconX, neutral: IconMinus } as const
const ICON_SIZE = 14

/** What happened to one copy of an event, in the order it happened. */
export function JourneyTimeline({ steps, label }: { readonly steps: readonly JourneyStep[]; readonly label: string }) {
  return (
    <Timeline bulletSize={26} lineWidth={2} aria-label={label} role="list">
      {steps.map((step, index) => {
        const tone = toneOf(step.verdict)
        return (
          <Timeline.Item
            key={`${step.stage} ${String(index)}`}
            role="listitem"
            bullet={<Bullet tone={tone} />}
            lineVariant={tone === 'waiting' ? 'dashed' : 'solid'}
            title={
              <Group gap="xs" component="span">
                <span>{STAGE_WORDS[step.stage]}</span>
                <Badge variant="light" color={TONE_COLORS[tone]} tt="none">
                  {verdictWords(step.verdict)}
                </Badge>
              </Group>
            }
          >
            <StepDetail step={step} />
          </Timeline.Item>
        )
      })}
    </Timeline>
  )
}

function Bullet({ tone }: { readonly tone: Tone }) {
  const Icon = ICONS[tone]
  return (
    <ThemeIcon size={26} radius="xl" variant="light" color={TONE_COLORS[tone]}>
      <Icon size={ICON_SIZE} aria-hidden />
    </ThemeIcon>
  )
}

function StepDetail({ step }: { readonly step: JourneyStep }) {
  const facts = [
    { name: 'Reason', value: step.reason },
    { name: 'Lane', value: step.lane },
    { name: 'Position', value: step.position === null ? null : positionWords(step.position) },
    { name: 'Insert token', value: step.token },
  ]
  return (
    <Stack gap={2} mt={4}>
      <Text size="sm">{step.detail}</Text>
      {step.at !== null && (
        <Text size="sm" c="dimmed">
          <TimeText time={step.at} show="exact" />
        </Text>
      )}
      {facts.map(({ name, value }) =>
        value === null || value === '' ? null : (
          <Text key={name} size="sm" style={{ overflowWrap: 'anywhere' }}>
            <Text span inherit c="dimmed">
              {name}:{' '}
            </Text>
            <span className={name === 'Reason' ? undefined : 'mono'}>{value}</span>
          </Text>
        ),
      )}
    </Stack>
  )
}
