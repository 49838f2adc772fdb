/**
 * What components share: redrawing on a signal, the clock, the size of an element.
 */
import * as React from 'react';
import { ISignal } from '@lumino/signaling';

import { Problem } from '../wire';

/** Redraw the component after each emission. */
export function useSignal<T>(signal: ISignal<T, void>): void {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    signal.connect(redraw);
    // what was emitted between the first drawing and now
    redraw();
    return () => {
      signal.disconnect(redraw);
    };
  }, [signal]);
}

/** The time, in ms; it advances every `period` ms, and stands still where that is null. */
export function useNow(period: number | null): number {
  const [now, setNow] = React.useState(() => Date.now());
  React.useEffect(() => {
    if (period === null) {
      return;
    }
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), period);
    return () => clearInterval(timer);
  }, [period]);
  return now;
}

/** The content width of an element, in CSS pixels; 0 before it is laid out. */
export function useWidth(element: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(0);
  React.useLayoutEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    setWidth(node.clientWidth);
    const observer = new ResizeObserver(() => setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Whether an element was ever in view; false until then. */
export function useInView(element: React.RefObject<HTMLElement>): boolean {
  const [isInView, setInView] = React.useState(false);
  React.useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          setInView(true);
          observer.disconnect();
        }
      },
      { rootMargin: '200px' }
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);
  return isInView;
}

const LOADING = { kind: 'loading' } as const;

/** What came of asking for something. */
export type Asked<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly value: T }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Ask once for `what`, and again in another `round`, until whose answer the one
 * before is shown; an answer that comes too late is passed over.
 */
export function useAsked<T>(
  ask: () => Promise<T>,
  what: string,
  round: string | number = 0
): Asked<T> {
  const [found, setFound] = React.useState<readonly [string, Asked<T>]>([what, LOADING]);
  const latest = React.useRef(ask);
  latest.current = ask;
  React.useEffect(() => {
    let isWanted = true;
    const tell = (value: Asked<T>) => {
      if (isWanted) {
        setFound([what, value]);
      }
    };
    latest.current().then(
      value => tell({ kind: 'ready', value }),
      caught => tell({ kind: 'failed', message: Problem.of(caught).message })
    );
    return () => {
      isWanted = false;
    };
  }, [what, round]);
  return found[0] === what ? found[1] : LOADING;
}

/** A number that differs after each change of the theme: what is drawn on a canvas is drawn anew. */
export function useTheme(): number {
  const [count, next] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const observer = new MutationObserver(next);
    observer.observe(document.body, {
      attributes: true,
      attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light']
    });
    return () => observer.disconnect();
  }, []);
  return count;
}
