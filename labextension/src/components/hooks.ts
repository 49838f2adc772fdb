/**
 * What components share: redrawing on a signal, the clock, the size of an element.
 */
import * as React from 'react';
import { ISignal } from '@lumino/signaling';

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
