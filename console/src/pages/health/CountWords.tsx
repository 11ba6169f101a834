import { Fragment } from 'react'
import { countWords } from './pipeline-picture.ts'
import classes from './PipelinePicture.module.css'

/** The same words stand in the titles of the counts; here everybody gets at them, also without a mouse. */
export function CountWords() {
  return (
    <details className={classes['words']}>
      <summary>What the counts mean</summary>
      <dl>
        <dt>In, Out</dt>
        <dd>What came to the stage, and what went on to the next. What is missing between them is one of these:</dd>
        {Object.values(countWords).map(({ name, meaning }) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{meaning}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  )
}
