import { describeIntake } from '../intake.contract.ts'
import { createMemoryIntake } from './memory-intake.ts'

describeIntake('the memory intake', () => {
  const intake = createMemoryIntake(4)
  return Promise.resolve({ intake, close: () => intake.close() })
})
