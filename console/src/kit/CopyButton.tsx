import { ActionIcon, Tooltip } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconCheck, IconCopy } from '@tabler/icons-react'

const copiedShownMs = 2_000
const iconSize = 17

/** `label` says what is copied: "Copy the token". */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const { copy, copied, error } = useClipboard({ timeout: copiedShownMs })
  // Browsers give the clipboard to pages of https and localhost only.
  const said = copied ? 'Copied' : error === null ? label : 'The browser does not allow copying here; select the text'
  return (
    <Tooltip label={said} withArrow>
      <ActionIcon variant="default" size="md" aria-label={said} onClick={() => copy(text)}>
        {copied ? <IconCheck size={iconSize} aria-hidden /> : <IconCopy size={iconSize} aria-hidden />}
      </ActionIcon>
    </Tooltip>
  )
}
