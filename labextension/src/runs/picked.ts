/**
 * Which rows are picked: by mouse and keyboard as in a file browser. Pure.
 */

export interface IPicked {
  readonly ids: ReadonlySet<string>;
  /** The row that the keyboard is on: a run's id or a group's key. */
  readonly active: string | null;
  /** Where a range begins. */
  readonly anchor: string | null;
}

export const NOTHING: IPicked = { ids: new Set(), active: null, anchor: null };

/** Only this one. */
export function only(id: string, isRun = true): IPicked {
  return { ids: new Set(isRun ? [id] : []), active: id, anchor: id };
}

/** This one beside the others, or not any more. */
export function toggled(before: IPicked, id: string): IPicked {
  const ids = new Set(before.ids);
  if (!ids.delete(id)) {
    ids.add(id);
  }
  return { ids, active: id, anchor: id };
}

/** From the anchor to here: `range` holds the ids of both and all between. */
export function ranged(
  before: IPicked,
  range: readonly string[],
  active: string
): IPicked {
  return { ids: new Set(range), active, anchor: before.anchor ?? active };
}

/** Without those that are gone. */
export function without(before: IPicked, gone: readonly string[]): IPicked {
  const ids = new Set(before.ids);
  gone.forEach(id => ids.delete(id));
  return { ...before, ids };
}
