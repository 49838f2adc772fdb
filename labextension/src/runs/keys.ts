/**
 * Where the keys of a list lead.
 */

/** Where a key leads from row `at`; null for a key that leads nowhere. */
export function destination(
  key: string,
  at: number,
  count: number,
  page: number
): number | null {
  switch (key) {
    case 'ArrowDown':
      return at + 1;
    case 'ArrowUp':
      return at < 0 ? 0 : at - 1;
    case 'PageDown':
      return at + page;
    case 'PageUp':
      return at - page;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
