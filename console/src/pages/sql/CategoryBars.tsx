import { useComputedColorScheme } from '@mantine/core'
import { chartColor } from '../../kit/chart-colors.ts'
import { formatNumber } from '../../kit/numbers.ts'
import classes from './CategoryBars.module.css'

interface CategoryBarsProps {
  readonly label: string
  readonly bars: readonly { readonly name: string; readonly value: number }[]
}

const widestPercent = 80

/** A table whose numbers are also bars: read out as it stands, no second copy for screen readers. */
export function CategoryBars({ label, bars }: CategoryBarsProps) {
  const scheme = useComputedColorScheme('light')
  const largest = Math.max(...bars.map(({ value }) => Math.abs(value)), Number.MIN_VALUE)
  return (
    <table className={classes['table']}>
      <caption className="visually-hidden">{label}</caption>
      <tbody>
        {bars.map(({ name, value }, place) => (
          <tr key={`${String(place)} ${name}`}>
            <th scope="row" className={classes['name']}>
              {name}
            </th>
            <td className={classes['cell']}>
              <div className={classes['bar']}>
                <span
                  aria-hidden
                  className={classes['fill']}
                  style={{
                    width: `${String((Math.abs(value) / largest) * widestPercent)}%`,
                    background: chartColor(value < 0 ? 1 : 0, scheme),
                  }}
                />
                <span>{formatNumber(value)}</span>
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
