export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M25 3c2 9-3 21-19 24 9-6 14-13 15-23z" className="ripe" />
      <path d="M19 4c0 8-5 16-15 20 6-6 9-12 10-19z" className="ripening" />
      <path d="M12 6c-1 6-4 10-10 13 4-5 5-9 6-13z" className="green" />
      <path d="M7 5.500c5-1.500 12-3 18-3l.6 2.400c-6 0-13 .9-18 2.300z" className="stem" />
    </svg>
  );
}
