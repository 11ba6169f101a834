export function projectLimitsKey(projectId: number) {
  return ['projects', projectId, 'limits'] as const
}
