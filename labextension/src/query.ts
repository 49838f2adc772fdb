/**
 * What is typed into the search box, in the query language of the ledger.
 */

const LANGUAGE = /[=<>~()"'`]/;
const FIELDS = ['name', 'tag', 'notebook', 'kind', 'status'];

/**
 * Plain words look for runs that have each of them somewhere in their name,
 * tags, notebook, kind or status; text with an operator in it is a query as it is.
 */
export function queryOf(text: string): string {
  if (LANGUAGE.test(text)) {
    return text;
  }
  return text
    .split(/\s+/)
    .filter(word => word !== '')
    .map(word => `(${FIELDS.map(field => `${field} ~ ${quoted(word)}`).join(' or ')})`)
    .join(' and ');
}

/** A text as a value of a query. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
