/**
 * Values as people read them: short, and of one width where they stand in columns.
 */

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1]
];

/** `2 min ago`, in the words of a locale; under ten seconds it is `now`. */
export function ago(iso: string, now: number, locale: string): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  const words = new Intl.RelativeTimeFormat(locale, {
    style: 'short',
    numeric: 'auto'
  });
  if (seconds < 10) {
    return words.format(0, 'second');
  }
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['second', 1];
  return words.format(-Math.floor(seconds / size), unit).replace('.', '');
}

/** The exact local time, with its zone. */
export function moment(iso: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'long'
  }).format(new Date(iso));
}

/** `0.42 s`, `3.2 s`, `1 min 04 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.001) {
    return '< 1 ms';
  }
  if (seconds < 0.1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  }
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** A number in `digits` significant digits; whole ones whole, short ones as short as they are. */
export function quantity(value: number, digits = 4): string {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? '∞' : '−∞';
  }
  const size = Math.abs(value);
  let text: string;
  if (Number.isInteger(value) && size < 1e9) {
    text = String(value);
  } else if (size >= 1e6 || size < 1e-4) {
    text = value.toExponential(digits - 1);
  } else {
    text = value.toFixed(Math.max(0, digits - 1 - exponent(size)));
  }
  if (Number(text) === value && text.includes('.')) {
    text = text.replace(/0+(?=$|e)/, '').replace(/\.(?=$|e)/, '');
  }
  return text.replace('-', '−').replace('e+', 'e');
}

/** `12.3 kB`: powers of 1000, as disks and networks are sold. */
export function bytes(count: number): string {
  let size = count;
  for (const unit of ['B', 'kB', 'MB', 'GB', 'TB']) {
    if (size < 999.5 || unit === 'TB') {
      return `${unit === 'B' || size >= 99.95 ? Math.round(size) : size.toFixed(1)} ${unit}`;
    }
    size /= 1000;
  }
  return `${count} B`;
}

/** A parameter's value: text as it is, numbers short, all else as JSON. */
export function parameter(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  return JSON.stringify(value) ?? String(value);
}

/** The first digits of a digest. */
export function shortDigest(digest: string): string {
  return digest.replace(/^b3:/, '').slice(0, 10);
}

/** The last part of a path. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function exponent(size: number): number {
  return size === 0 ? 0 : Math.floor(Math.log10(size));
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
