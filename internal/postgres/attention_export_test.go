package postgres

// AttentionQuery lets a test ask for the plan of what PaymentsNeedingAttention runs.
var AttentionQuery = attentionQuery
