import { Drawer } from '@mantine/core'
import { Navigation } from './Navigation.tsx'
import { ProjectPicker } from './ProjectPicker.tsx'
import { ShellFooter } from './ShellFooter.tsx'

interface MobileMenuProps {
  readonly isOpen: boolean
  readonly onClose: () => void
}

/** What stands at the side where there is room. Fetched when it is opened: it brings what dialogs need with it. */
export function MobileMenu({ isOpen, onClose }: MobileMenuProps) {
  return (
    <Drawer opened={isOpen} onClose={onClose} title="Menu" size="xs" hiddenFrom="sm">
      <ProjectPicker onPicked={onClose} />
      <div style={{ marginTop: '1rem' }}>
        <Navigation onPicked={onClose} />
      </div>
      <ShellFooter />
    </Drawer>
  )
}
