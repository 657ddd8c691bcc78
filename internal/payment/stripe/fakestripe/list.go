package fakestripe

import (
	"net/url"
	"slices"
	"strconv"
)

// list is a page of what is given oldest first. Stripe lists the newest first, in pages that begin after an id:
// https://docs.stripe.com/api/pagination.
func list[T any](form url.Values, at string, all []T, id func(T) string, shape func(T) object) answer {
	limit, refused := number(form, "limit", 10)
	switch {
	case refused != nil:
		return *refused
	case limit < 1 || limit > 100:
		return invalid("parameter_invalid_integer", "limit")
	}
	all = slices.Clone(all)
	slices.Reverse(all)
	if after := form.Get("starting_after"); after != "" {
		place := slices.IndexFunc(all, func(one T) bool { return id(one) == after })
		if place < 0 {
			return invalid("resource_missing", "starting_after")
		}
		all = all[place+1:]
	}
	page := []object{}
	for _, one := range all[:min(int(limit), len(all))] {
		page = append(page, shape(one))
	}
	return found(object{"object": "list", "data": page, "has_more": len(all) > int(limit), "url": at})
}

// listIntents is https://docs.stripe.com/api/payment_intents/list. Times have whole seconds, so many are created at once. The place
// that a page starts after need not be in the range.
func (s *Stripe) listIntents(_ string, form url.Values) answer {
	from, refused := number(form, "created[gte]", 0)
	if refused != nil {
		return *refused
	}
	until, refused := number(form, "created[lte]", 1<<62)
	if refused != nil {
		return *refused
	}
	after := form.Get("starting_after")
	in := slices.DeleteFunc(slices.Clone(s.intents), func(i *intent) bool {
		return i.id != after && (i.created < from || i.created > until)
	})
	return list(form, "/v1/payment_intents", in, func(i *intent) string { return i.id }, func(i *intent) object {
		return s.shape(i, form.Get("expand[0]"))
	})
}

func number(form url.Values, name string, absent int64) (int64, *answer) {
	text := form.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a := invalid("parameter_invalid_integer", name)
		return 0, &a
	}
	return n, nil
}
