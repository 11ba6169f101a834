import { SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react'

const iconSize = 16

const choices = [
  { value: 'auto', Icon: IconDeviceDesktop, name: 'Colours as the system has them' },
  { value: 'light', Icon: IconSun, name: 'Light colours' },
  { value: 'dark', Icon: IconMoon, name: 'Dark colours' },
] as const

export function ColorSchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <SegmentedControl
      aria-label="Colours"
      size="xs"
      fullWidth
      value={colorScheme}
      onChange={setColorScheme}
      data={choices.map(({ value, Icon, name }) => ({
        value,
        label: (
          <>
            <Icon size={iconSize} aria-hidden style={{ display: 'block', margin: '2px auto' }} />
            <span className="visually-hidden">{name}</span>
          </>
        ),
      }))}
    />
  )
}
