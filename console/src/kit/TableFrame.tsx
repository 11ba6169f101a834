import { useCallback, useEffect, useRef, useState } from 'react'
import type { ReactNode } from 'react'
import classes from './TableFrame.module.css'

interface TableFrameProps {
  readonly label: string
  /** From here on it scrolls up and down as well. */
  readonly heightMax?: number
  /** Keeps what a row is of in sight while its cells scroll by. */
  readonly isFirstColumnFixed?: boolean
  readonly children: ReactNode
}

/**
 * Around a table that may be wider than the page: it scrolls by itself, by keyboard too, and the page does not. A shadow
 * lies on the side where there is more: phones show no scroll bar until somebody scrolls.
 */
export function TableFrame({ label, heightMax, isFirstColumnFixed, children }: TableFrameProps) {
  const view = useRef<HTMLDivElement>(null)
  const [hidden, setHidden] = useState({ left: false, right: false })
  const measure = useCallback(() => {
    const place = view.current
    if (place === null) return
    const rest = place.scrollWidth - place.clientWidth - Math.abs(place.scrollLeft)
    const next = { left: Math.abs(place.scrollLeft) > 1, right: rest > 1 }
    setHidden((before) => (before.left === next.left && before.right === next.right ? before : next))
  }, [])
  useEffect(() => {
    const place = view.current
    if (place === null) return
    const observer = new ResizeObserver(measure)
    for (const one of [place, ...place.children]) observer.observe(one)
    return () => observer.disconnect()
  }, [measure])
  return (
    <div
      className={`surface ${classes['frame'] ?? ''}`}
      data-fixed-column={isFirstColumnFixed}
      data-more-left={hidden.left || undefined}
      data-more-right={hidden.right || undefined}
    >
      <div
        ref={view}
        className={classes['view']}
        style={{ maxHeight: heightMax }}
        tabIndex={0}
        role="region"
        aria-label={label}
        onScroll={measure}
      >
        {children}
      </div>
    </div>
  )
}
