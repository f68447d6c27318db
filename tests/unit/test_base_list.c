/* SPDX-License-Identifier: MIT */
/* Lists, and the ready list made of them. */
#include "support.h"

#include "base/ready.h"

struct item {
    int number;
    struct list link;
};

static void assert_order(struct list *head, const char *expected)
{
    struct list *node = head->next;

    for (; *expected; expected++, node = node->next) {
        assert_ptr_not_equal(node, head);
        assert_ptr_equal(node->next->prev, node);
        assert_int_equal(list_entry(node, struct item, link)->number, *expected - '0');
    }
    assert_ptr_equal(node, head);
}

static void order_of_a_list(void **state)
{
    struct item item[5] = {{0}};
    struct list head;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop_front(&head));
    for (int i = 0; i < 5; i++) {
        item[i].number = i;
        assert_false(list_is_linked(&item[i].link)); /* zeroed is enough */
    }
    list_remove(&item[0].link);
    list_push_back(&head, &item[1].link);
    list_push_back(&head, &item[2].link);
    list_push_front(&head, &item[0].link);
    list_insert_after(&item[1].link, &item[3].link);
    assert_order(&head, "0132");
    list_remove(&item[3].link);
    list_remove(&item[3].link);
    assert_false(list_is_linked(&item[3].link));
    assert_order(&head, "012");
    assert_ptr_equal(list_pop_front(&head), &item[0].link);
    assert_false(list_is_linked(&item[0].link));
    list_push_back(&head, &item[0].link);
    assert_order(&head, "120");
    assert_true(list_is_linked(&item[0].link));
}

static void news_are_gathered_once(void **state)
{
    struct ready_list ready;
    struct ready_node a, b;

    (void)state;
    ready_list_init(&ready);
    ready_node_init(&a);
    ready_node_init(&b);
    ready_signal(&ready, NULL, 1);
    ready_signal(&ready, &a, 0);
    assert_null(ready_pop(&ready));
    ready_signal(&ready, &a, 1);
    ready_signal(&ready, &b, 4);
    ready_signal(&ready, &a, 2);
    assert_ptr_equal(ready_pop(&ready), &a);
    assert_int_equal(a.news, 3);
    ready_forget(&b);
    assert_int_equal(b.news, 0);
    assert_null(ready_pop(&ready));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_a_list),
        cmocka_unit_test(news_are_gathered_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
