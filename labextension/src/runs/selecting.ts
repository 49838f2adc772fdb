/**
 * Which runs are asked for: what the list begins with, and what stands under a row. Pure.
 */
import { queryOf } from '../query';
import { ILook } from './look';
import { groupKey } from './outline';
import { IGroup, ISelection } from './shapes';

/** What the reader asks for. */
export interface IAsked {
  /** As it was typed. */
  readonly query: string;
  readonly trash: boolean;
  readonly look: ILook;
}

/** Which runs the list begins with. */
export function rootOf({ query, trash, look }: IAsked): ISelection {
  // what is searched is shown wherever it stands
  const roots = query === '' && look.by === '' && !trash;
  return { query: queryOf(query), sort: look.sort, trash, roots };
}

/** Which runs stand under a group or a run. */
export function under(
  key: string,
  { query, trash, look }: IAsked,
  groups: readonly IGroup[] | null
): ISelection {
  const group = groups?.find(group => groupKey(group) === key);
  const condition = group ? memberOf(group, look) : equals('parent', key);
  const asked = queryOf(query);
  // children are shown whether the search finds them or not
  const both = asked && group ? `(${asked}) and ${condition}` : condition;
  return { query: both, sort: look.sort, trash, roots: false };
}

function memberOf({ key }: IGroup, { by }: ILook): string {
  const field = by === 'sweep' ? 'parent' : by;
  return key === null ? `${field} is null` : equals(field, key);
}

function equals(field: string, value: string): string {
  return `${field} = ${JSON.stringify(value)}`;
}
