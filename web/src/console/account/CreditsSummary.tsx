export function CreditsSummary() { return null; }
