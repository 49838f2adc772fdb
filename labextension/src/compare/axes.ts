/**
 * A column of values on an axis: numbers by their size, words side by side.
 */
import { extent, linear, ticks, XY } from '../scale';
import { quantity } from '../format';
import { numberOf } from './table';

export interface IAxis {
  readonly name: string;
  /** Where a value lies, from 0 to 1; null where a run has none. */
  readonly at: (value: unknown) => number | null;
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

const MOST_WORDS = 40;

/** The axis of a column. */
export function axisOf(name: string, values: readonly unknown[]): IAxis {
  const numbers = values.map(numberOf);
  const some = numbers.filter((value): value is number => value !== null);
  return some.length > 0 && some.length >= values.filter(isThere).length / 2
    ? numericAxis(name, some)
    : wordAxis(name, values);
}

/** `lr` of `params.lr`. */
export function shortName(name: string): string {
  return name.replace(/^(params|metrics)\./, '');
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function numericAxis(name: string, numbers: readonly number[]): IAxis {
  const [least, most] = extent(numbers);
  // learning rates and the like: a hundredfold, and never below nothing
  const isLog = least > 0 && most / least >= 100;
  const scaled = (value: number) => (isLog ? Math.log10(value) : value);
  const range: XY = [scaled(least), scaled(most)];
  const place = linear(range, [0, 1]);
  // of two powers of ten and more, those that are round
  const round = ticks(range, 5).filter(value => !isLog || Number.isInteger(value));
  return {
    name,
    at: value => {
      const number = numberOf(value);
      return number !== null && Number.isFinite(scaled(number))
        ? place(scaled(number))
        : null;
    },
    marks: round.map(value => ({
      at: place(value),
      text: quantity(isLog ? 10 ** value : value, 3)
    }))
  };
}

function wordAxis(name: string, values: readonly unknown[]): IAxis {
  const words = [...new Set(values.filter(isThere).map(wordOf))].sort();
  const places = new Map(
    words.map((word, at) => [word, words.length > 1 ? at / (words.length - 1) : 0.5])
  );
  const every = Math.ceil(words.length / MOST_WORDS);
  return {
    name,
    at: value => (isThere(value) ? (places.get(wordOf(value)) ?? null) : null),
    marks: words
      .filter((_, at) => at % every === 0)
      .map(word => ({ at: places.get(word) ?? 0, text: word }))
  };
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
