import { ApiProblem } from '../../api/problem.ts'

interface QuestionAdvice {
  readonly title: string
  /** What makes the question lighter, the most helpful first. */
  readonly steps: readonly string[]
  /** Whether a shorter range is likely to help. */
  readonly isRangeToBlame: boolean
}

const NARROW = [
  'Take a shorter range: the time a question takes grows with the events it reads.',
  'Name an event in each series or step instead of “any”.',
]

/** For the failures that belong to the question; undefined for all others. */
export function adviceForQuestion(error: unknown): QuestionAdvice | undefined {
  if (!(error instanceof ApiProblem)) return undefined
  switch (error.code) {
    case 'SLUICE_QUERY_TIMEOUT':
      return {
        title: 'The question took longer than it may',
        steps: [...NARROW, 'Remove a breakdown, or break down by a property with few values.'],
        isRangeToBlame: true,
      }
    case 'SLUICE_QUERY_MEMORY':
      return {
        title: 'The question needs more memory than it may have',
        steps: [
          'Break down by a property with few values, or remove a breakdown.',
          'Take averages instead of medians and percentiles, or total counts instead of unique users.',
          ...NARROW,
        ],
        isRangeToBlame: true,
      }
    case 'SLUICE_QUERY_TOO_LARGE':
      return {
        title: 'The question asks for too much at once',
        steps: ['Take a longer interval, or a shorter range.', 'Ask for fewer series, steps or values of a breakdown.'],
        isRangeToBlame: true,
      }
    case 'SLUICE_QUERY_BUSY':
      return {
        title: 'Too many questions are being answered right now',
        steps: ['Wait a few seconds, then try again. Nothing is wrong with the question.'],
        isRangeToBlame: false,
      }
    default:
      return undefined
  }
}
