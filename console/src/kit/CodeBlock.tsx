import { Box } from '@mantine/core'
import classes from './CodeBlock.module.css'
import { CopyButton } from './CopyButton.tsx'

interface CodeBlockProps {
  readonly code: string
  /** What it is, for the button and for screen readers: "the curl command". */
  readonly label: string
}

export function CodeBlock({ code, label }: CodeBlockProps) {
  return (
    <Box className={classes['block']}>
      {/* Long lines scroll, and what scrolls must be reachable by keyboard. */}
      <pre className={classes['code']} tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
      <Box className={classes['copy']}>
        <CopyButton text={code} label={`Copy ${label}`} />
      </Box>
    </Box>
  )
}
