import { useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';

interface Props {
  /** The content of the button that opens the popover. */
  trigger: ReactNode;
  /** Accessible name of the button, where its content is not enough. */
  label?: string;
  /** The id of an element that describes the button. */
  describedBy?: string;
  className?: string;
  children: ReactNode | ((close: () => void) => ReactNode);
}

/** A button that opens a popover below it. Escape, or a click or focus outside, closes the popover. */
export function Popover({ trigger, label, describedBy, className, children }: Props) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const anchor = useRef<HTMLDivElement>(null);
  const close = () => {
    setOpen(false);
    anchor.current?.querySelector('button')?.focus();
  };
  const popover = useKeepInViewport(open);
  useOutsideInteraction(anchor, open, () => setOpen(false));

  return (
    <div
      ref={anchor}
      className="popover-anchor"
      onKeyDown={(event) => {
        if (event.key === 'Escape' && open) close();
      }}
    >
      <button
        type="button"
        className={className}
        aria-label={label}
        aria-describedby={describedBy}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {trigger}
      </button>
      {open && (
        <div ref={popover} id={id} className="popover" role="group" aria-label={label}>
          {typeof children === 'function' ? children(close) : children}
        </div>
      )}
    </div>
  );
}

const margin = 16;

/** Shifts a popover that opens near the edge of the window back into view. */
function useKeepInViewport(open: boolean) {
  const popover = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!popover.current) return;
    const element = popover.current;
    const shift = () => {
      element.style.translate = '';
      const { left, right } = element.getBoundingClientRect();
      const maxShift = document.documentElement.clientWidth - margin - right;
      element.style.translate = `${Math.max(Math.min(maxShift, 0), margin - left)}px`;
    };
    shift();
    element.scrollIntoView({ block: 'nearest' });
    addEventListener('resize', shift);
    return () => removeEventListener('resize', shift);
  }, [open]);
  return popover;
}

function useOutsideInteraction(anchor: { current: HTMLElement | null }, listening: boolean, onOutside: () => void) {
  const latest = useRef(onOutside);
  useEffect(() => {
    latest.current = onOutside;
  });
  useEffect(() => {
    if (!listening) return;
    const handle = ({ target }: Event) => {
      if (!anchor.current?.contains(target as Node)) latest.current();
    };
    document.addEventListener('pointerdown', handle);
    document.addEventListener('focusin', handle);
    return () => {
      document.removeEventListener('pointerdown', handle);
      document.removeEventListener('focusin', handle);
    };
  }, [anchor, listening]);
}
