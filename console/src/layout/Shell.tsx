import { AppShell, Burger, Group } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Outlet, useLocation } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Navigation } from './Navigation.tsx'
import { ProjectPicker } from './ProjectPicker.tsx'
import { ShellFooter } from './ShellFooter.tsx'
import { Wordmark } from './Wordmark.tsx'

const MobileMenu = lazy(() => import('./MobileMenu.tsx').then((file) => ({ default: file.MobileMenu })))

/** Navigation at the side, or behind a button where there is no room for it; beside it the page. */
export function Shell() {
  const [isMenuOpen, menu] = useDisclosure(false)
  const [wasMenuOpened, setMenuOpened] = useState(false)
  if (isMenuOpen && !wasMenuOpened) setMenuOpened(true)
  const main = useFocusOnNewPage()
  return (
    <AppShell
      header={{ height: { base: 56, sm: 0 } }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: true } }}
      layout="alt"
      padding={{ base: 'md', md: 'xl' }}
    >
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          // The hash is the address here, so the browser must not follow it.
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the page
      </a>
      {/* No banner: dialogs bring a header of their own, and two of them cannot be told apart. */}
      <AppShell.Header hiddenFrom="sm" role="presentation">
        <Group component="nav" aria-label="Top" h="100%" px="md" justify="space-between" wrap="nowrap">
          <Wordmark />
          <Burger opened={isMenuOpen} onClick={menu.toggle} aria-label="Menu" aria-expanded={isMenuOpen} size="sm" />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar visibleFrom="sm" p="md" aria-label="Sidebar">
        <AppShell.Section mb="md">
          <Wordmark />
        </AppShell.Section>
        <AppShell.Section mb="md">
          <ProjectPicker />
        </AppShell.Section>
        <AppShell.Section grow style={{ overflowY: 'auto' }}>
          <Navigation />
        </AppShell.Section>
        <AppShell.Section>
          <ShellFooter />
        </AppShell.Section>
      </AppShell.Navbar>
      {wasMenuOpened && (
        <Suspense>
          <MobileMenu isOpen={isMenuOpen} onClose={menu.close} />
        </Suspense>
      )}
      <AppShell.Main ref={main} id="main" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

/** After a change of page a screen reader goes on reading at the page; the first page is where the reader begins anyway. */
function useFocusOnNewPage() {
  const main = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  const before = useRef(pathname)
  useEffect(() => {
    if (before.current === pathname) return
    before.current = pathname
    main.current?.focus({ preventScroll: true })
  }, [pathname])
  return main
}
