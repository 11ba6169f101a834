import { Link } from '@tanstack/react-router'

export function Wordmark() {
  return (
    <Link to="/" className="wordmark">
      <img src="./icon.svg" alt="" width={26} height={26} />
      Sluice
    </Link>
  )
}
