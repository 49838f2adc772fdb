/**
 * What can follow in a query where the caret stands. Pure.
 */
import { INames } from './shapes';

export interface ICompletion {
  /** The part of the text that is replaced. */
  readonly from: number;
  readonly to: number;
  readonly options: readonly IOption[];
}

export interface IOption {
  readonly text: string;
  /** What it is: a field, metric, param, tag or value. */
  readonly what: string;
}

const MOST = 12;
const WORD = /[\w.@/-]*$/;
const VALUE = /(\w+)\s*(?:=|==|!=|~)\s*"?([\w.@/-]*)$/;
const PLAIN = /^[^\W\d][\w.@/-]*$/;

/** Options for the word before the caret; null where there is nothing to say. */
export function completion(
  text: string,
  caret: number,
  names: INames
): ICompletion | null {
  const before = text.slice(0, caret);
  const value = VALUE.exec(before);
  const word = value?.[2] ?? WORD.exec(before)?.[0] ?? '';
  const options = (value ? values(value[1] ?? '', names) : all(names))
    // what is written whole may begin a longer name
    .filter(option => option.text !== word && fits(option.text, word))
    .slice(0, MOST);
  if ((!word && !value) || options.length === 0) {
    return null;
  }
  return { from: caret - word.length, to: caret, options };
}

function all(names: INames): readonly IOption[] {
  return [
    ...names.fields.map(text => ({ text, what: 'field' })),
    ...names.metrics.map(name => ({ text: named(name), what: 'metric' })),
    ...names.params.map(name => ({ text: named(name), what: 'param' })),
    ...names.tags.map(tag => ({ text: `tag = ${quoted(tag)}`, what: 'tag' }))
  ];
}

function values(field: string, names: INames): readonly IOption[] {
  const known: Record<string, readonly string[]> = {
    status: names.statuses,
    kind: names.kinds,
    tag: names.tags,
    starred: ['true', 'false'],
    started: ['today', 'yesterday']
  };
  return (known[field] ?? []).map(text => ({ text: quoted(text), what: 'value' }));
}

function fits(text: string, word: string): boolean {
  const [whole, part] = [text.toLowerCase(), word.toLowerCase()];
  return whole.startsWith(part) || whole.includes(`= ${part}`);
}

function named(name: string): string {
  return PLAIN.test(name) ? name : `\`${name}\``;
}

function quoted(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}
