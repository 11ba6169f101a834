import { Button, Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { PageHeader } from '../kit/PageHeader.tsx'

export function NotFoundPage() {
  return (
    <>
      <PageHeader title="There is no such page" />
      <Text>The link may be from another version of the console, or was cut off on its way.</Text>
      <Group mt="md">
        <Button component={Link} to="/" variant="default">
          To the start
        </Button>
      </Group>
    </>
  )
}
