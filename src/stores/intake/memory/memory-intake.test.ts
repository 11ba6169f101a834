import { describeIntake } from '../intake.contract.ts'
import { createMemoryIntake } from './memory-intake.ts'

describeIntake('the memory intake', ({ limitKeysMax, now }) => {
  const intake = createMemoryIntake(4, { limitKeysMax, now })
  return Promise.resolve({ intake, close: () => intake.close() })
})
